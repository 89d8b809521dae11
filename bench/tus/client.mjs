// Sends a file as tus-js-client does out of the box: node client.mjs FILE URL.
import process from "node:process";
import { createReadStream, statSync } from "node:fs";
import { Upload } from "tus-js-client";

const [path, endpoint] = process.argv.slice(2);
const upload = new Upload(createReadStream(path), {
  endpoint,
  uploadSize: statSync(path).size,
  onError: (error) => {
    process.stderr.write(`${error}\n`);
    process.exit(1);
  },
});
upload.start();
