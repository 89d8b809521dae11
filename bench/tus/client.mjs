// Sends a file as tus-js-client does out of the box: node client.mjs FILE PORT. Prints the seconds it took.
import process from "node:process";
import { createReadStream, statSync } from "node:fs";
import { Upload } from "tus-js-client";

const [path, port] = process.argv.slice(2);
const started = performance.now();
const upload = new Upload(createReadStream(path), {
  endpoint: `http://127.0.0.1:${port}/files`,
  uploadSize: statSync(path).size,
  onError: (error) => {
    process.stderr.write(`${error}\n`);
    process.exit(1);
  },
  onSuccess: () => process.stdout.write(`${(performance.now() - started) / 1000}\n`),
});
upload.start();
