// Receives uploads as @tus/server does out of the box: node server.mjs DIRECTORY ADDRESS PORT.
import { FileStore } from "@tus/file-store";
import { Server } from "@tus/server";
import { createServer } from "node:http";
import process from "node:process";

const [directory, address, port] = process.argv.slice(2);
const tus = new Server({ path: "/files", datastore: new FileStore({ directory }) });
const http = createServer((request, response) => tus.handle(request, response));
http.listen(Number(port), address);
