/** `upload` to `ws-serve` beside tus, curl to nginx, and rclone. */

import { join } from "@std/path";
import { bare, type Bench, carrying, serveBare, serveTransfer } from "./bench.ts";
import { type Contender, type Link, Missing, type Row, SECONDS } from "./contender.ts";
import { checkFile, type Source } from "./files.ts";
import { startNginx } from "./nginx.ts";
import { freePort, onServer, startServer } from "./processes.ts";

const FAR: Link = { delay: 50, rate: 200, queue: 2500, loss: 0 };
const SLOW: Link = { delay: 50, rate: 100, queue: 1250, loss: 0 };
const MANY = 200;
const TUS = ["package.json", "server.mjs", "client.mjs"];

/** The rows. */
export function upload(bench: Bench): readonly Row[] {
  const [large, middle, small] = [
    bench.sources.file("1G"),
    bench.sources.file("256M"),
    bench.sources.file("64M"),
  ];
  const each = bench.sources.file("16M");
  return [
    {
      name: "upload loopback",
      title: "Upload, 1 GiB over loopback",
      unit: SECONDS,
      bytes: large.bytes,
      files: [large],
      contenders: [...uploaders(bench, large), echo(bench, large)],
    },
    {
      name: "upload far",
      title: "Upload, 256 MiB over 200 Mbit/s with 100 ms round trip",
      unit: SECONDS,
      bytes: middle.bytes,
      files: [middle],
      link: FAR,
      contenders: [...uploaders(bench, middle), bareTcp(bench, middle)],
    },
    {
      name: "upload slow",
      title: "Upload, 64 MiB over 100 Mbit/s with 100 ms round trip, beside the stream alone",
      unit: SECONDS,
      bytes: small.bytes,
      files: [small],
      link: SLOW,
      contenders: [transferUpload(bench, small), bareTcp(bench, small)],
    },
    {
      name: "upload many",
      title: `Upload, ${MANY} files of 16 MiB, all at a time`,
      unit: SECONDS,
      bytes: MANY * each.bytes,
      files: [each],
      mostRounds: 2,
      contenders: [manyAtOnce(bench, each)],
    },
  ];
}

function uploaders(bench: Bench, source: Source): readonly Contender[] {
  return [transferUpload(bench, source), tus(bench, source), curl(bench, source), rclone(bench, source)];
}

function transferUpload(bench: Bench, source: Source): Contender {
  return carrying(bench, {
    name: "transfer",
    serve: (at) => serveTransfer(bench, at, ["ws-serve", "--dir", at.to, "--overwrite"]),
    // Without a key of its own the second round would be told that the upload is there.
    client: ({ address }, { port }) => {
      const flags = ["--ws", `ws://${address}:${port}/ws`, "--quiet", "--id", crypto.randomUUID()];
      return [...bench.transfer, "upload", source.path, ...flags];
    },
    check: (to) => checkFile(join(to, source.name), source),
  });
}

/** The files are one file under many names: what is read does not take part in the server's memory. */
function manyAtOnce(bench: Bench, source: Source): Contender {
  const dir = join(bench.dir, "many-uploads");
  const names = Array.from({ length: MANY }, (_, i) => `${String(i).padStart(3, "0")}.bin`);
  return carrying(bench, {
    name: "transfer",
    serve: async (at) => {
      await Deno.mkdir(dir, { recursive: true });
      for (const name of names) await Deno.link(source.path, join(dir, name)).catch(ignoreExisting);
      return await serveTransfer(bench, at, ["ws-serve", "--dir", at.to, "--overwrite"]);
    },
    client: ({ address }, { port }) => {
      for (const name of names) {
        // A changed time makes other uploads of them.
        Deno.utimeSync(join(dir, name), new Date(), new Date());
      }
      const flags = ["--ws", `ws://${address}:${port}/ws`, "--quiet", "--parallel", String(MANY)];
      return [...bench.transfer, "upload", ...names.map((name) => join(dir, name)), ...flags];
    },
    check: async (to) => {
      for (const name of names) await checkFile(join(to, name), { ...source, name });
    },
  });
}

function ignoreExisting(error: unknown): void {
  if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
}

function tus(bench: Bench, source: Source): Contender {
  const dir = join(bench.dir, "tus");
  return carrying(bench, {
    name: "tus-js-client to @tus/server",
    programs: ["node", "npm"],
    serve: async (at) => {
      await installTus(dir);
      const port = freePort();
      const words = ["node", join(dir, "server.mjs"), at.to, at.address, String(port)];
      return await startServer(onServer(at, words), { port });
    },
    client: ({ address }, { port }) => {
      return ["node", join(dir, "client.mjs"), source.path, `http://${address}:${port}/files`];
    },
    check: async (to) => {
      const names = [...Deno.readDirSync(to)].map(({ name }) => name).filter((name) =>
        !name.endsWith(".json")
      );
      await checkFile(join(to, names[0] ?? ""), source);
    },
  });
}

async function installTus(dir: string): Promise<void> {
  if (await Deno.stat(join(dir, "node_modules")).then(() => true, () => false)) return;
  await Deno.mkdir(dir, { recursive: true });
  for (const name of TUS) await Deno.copyFile(new URL(`tus/${name}`, import.meta.url), join(dir, name));
  const { success } = await new Deno.Command("npm", {
    args: ["install", "--silent", "--no-audit", "--no-fund"],
    cwd: dir,
  }).output();
  if (!success) throw new Missing("npm could not install tus");
}

function curl(bench: Bench, source: Source): Contender {
  return carrying(bench, {
    name: "curl -T to nginx (dav)",
    programs: ["curl", "nginx"],
    serve: (at) => {
      const inside = `location / { root ${at.to}; dav_methods PUT; client_max_body_size 0; }`;
      return startNginx(at, { state: bench.dir, inside, workers: 2 });
    },
    client: ({ address }, { port }) => {
      return ["curl", "-q", "-sS", "-f", "-T", source.path, `http://${address}:${port}/${source.name}`];
    },
    check: (to) => checkFile(join(to, source.name), source),
  });
}

function rclone(bench: Bench, source: Source): Contender {
  const config = ["--config", "/dev/null", "-q"];
  return carrying(bench, {
    name: "rclone to its WebDAV server",
    programs: ["rclone"],
    serve: (at) => {
      const port = freePort();
      const words = [
        "rclone",
        "serve",
        "webdav",
        at.to,
        "--addr",
        `${at.address}:${port}`,
        "--dir-cache-time",
        "0s",
        ...config,
      ];
      return startServer(onServer(at, words), { port });
    },
    client: ({ address }, { port }) => {
      const to = `:webdav,url='http://${address}:${port}':${source.name}`;
      return ["rclone", "copyto", source.path, to, "--ignore-times", "--retries", "1", ...config];
    },
    check: (to) => checkFile(join(to, source.name), source),
  });
}

/** The same frames sent and sent back, with nobody looking at them. */
function echo(bench: Bench, source: Source): Contender {
  return carrying(bench, {
    name: "bare WebSocket echo (limit)",
    serve: (at) => serveBare(at, "bare_echo.ts", ["serve"]),
    client: (
      { address },
      { port },
    ) => [...bare("bare_echo.ts"), address, String(port), "send", String(source.bytes)],
  });
}

function bareTcp(bench: Bench, source: Source): Contender {
  return carrying(bench, {
    name: "bare TCP stream (limit)",
    serve: (at) => serveBare(at, "bare_tcp.ts", ["receive"]),
    client: ({ address }, { port }) => [...bare("bare_tcp.ts"), address, String(port), "send", source.path],
  });
}
