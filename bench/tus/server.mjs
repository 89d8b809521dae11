// Receives uploads as @tus/server does out of the box: node server.mjs DIRECTORY. Prints its port.
import { FileStore } from "@tus/file-store";
import { Server } from "@tus/server";
import { createServer } from "node:http";
import process from "node:process";

const tus = new Server({ path: "/files", datastore: new FileStore({ directory: process.argv[2] }) });
const http = createServer((request, response) => tus.handle(request, response));
http.listen(0, "127.0.0.1", () => process.stdout.write(`${http.address().port}\n`));
