import type { Logger } from "@logtape/logtape";
import { startUploadServer, type UploadServerOptions } from "../protocols/ws_upload/server.ts";
import { setUpLog } from "../terminal/log.ts";
import { printResult } from "../terminal/output.ts";
import { assets } from "../web/assets.ts";
import { type Command, defineCommand } from "./command.ts";
import { byteSize, byteSizeBetween, duration, origins, text, toggle, wholeNumber } from "./flag_values.ts";
import { listening, untilAborted, urlHost, warnIfOpen } from "./listening.ts";
import { certificateFlags, CLIENT_TOKEN, listenFlags, logFlags, perAddressFlag } from "./serving_flags.ts";
import { reloadOnHangUp, servedCertificate } from "./tls_flags.ts";
import { checkApart, serveDownloads } from "./ws_serve_downloads.ts";
import { serveLog } from "./ws_serve_log.ts";

const LISTEN = listenFlags(8765);

/** `transfer ws-serve`: receives uploads. */
export const wsServe: Command = defineCommand({
  name: "ws-serve",
  summary: "Receive resumable uploads over WebSocket, with a web page",
  examples: [
    [
      "transfer ws-serve",
      "Receives into uploads/, for this machine alone; the page is http://localhost:8765/",
    ],
    [
      "transfer ws-serve --host 0.0.0.0 --dir /srv/inbox --max-file 20G",
      "For others too; TRANSFER_TOKEN in the environment says what they have to know",
    ],
  ],
  arguments: "",
  details: `
Open the address it prints in a browser, or send files with "transfer upload".
Unfinished uploads are kept as NAME.part and go on where they stopped, also after
a restart. Received files are at /files/NAME.

It also fetches files from URLs that are given on the page /downloads, by text
commands or over HTTP, and keeps a queue of them.`,
  flags: {
    host: { ...LISTEN.host, env: ["WS_HOST"] },
    port: { ...LISTEN.port, env: ["WS_PORT"] },
    dir: { summary: "Directory for received files", valueName: "DIR", default: "uploads", parse: text },
    maxFile: {
      summary: "Largest file accepted, such as 20G; without it what the disk has room for",
      valueName: "SIZE",
      parse: byteSize,
    },
    maxTotal: {
      summary: "Most that the directory may hold, such as 500G; without it what the disk has room for",
      valueName: "SIZE",
      parse: byteSize,
    },
    expire: {
      summary: "Delete an unfinished upload that nobody continued for so long",
      valueName: "TIME",
      default: "7d",
      parse: duration,
    },
    maxSessions: {
      summary: "Most uploads open at a time",
      valueName: "N",
      default: "1000",
      parse: wholeNumber(1, 1_000_000),
    },
    ...perAddressFlag({ perAddress: 256 }),
    ...CLIENT_TOKEN,
    ...certificateFlags("serve https and wss"),
    allowOrigin: {
      summary: "Web origin that may use this server besides its own page; may be repeated",
      valueName: "ORIGIN",
      default: "",
      isList: true,
      parse: origins,
    },
    downloadsDir: {
      summary: "Directory for files that the server fetches; made with the first one",
      valueName: "DIR",
      default: "files",
      parse: text,
    },
    threads: {
      summary: "Most connections for one download",
      valueName: "N",
      default: "5",
      boundedBy: "maxThreads",
      parse: wholeNumber(1, 64),
    },
    block: {
      summary: "Bytes of one request of a download",
      valueName: "SIZE",
      default: "8M",
      boundedBy: "maxBlockBytes",
      parse: byteSizeBetween("64K", "1G"),
    },
    maxActive: {
      summary: "Most downloads at a time",
      valueName: "N",
      default: "3",
      parse: wholeNumber(1, 100),
    },
    allowPrivate: {
      summary: "Fetch also from loopback, private and link-local addresses",
      default: "false",
      parse: toggle,
    },
    shareList: {
      summary: "Show at /api/uploads and /api/events what is uploaded, to all who may use the server",
      default: "false",
      parse: toggle,
    },
    overwrite: {
      summary: 'Replace a file of the same name, instead of storing "name (1)"',
      default: "false",
      parse: toggle,
    },
    ...logFlags(),
  },
  async run({ allowOrigin, maxFile, maxTotal, expire, ...values }, { signal }) {
    const log = setUpLog({ format: values.log, quiet: values.quiet });
    const { host, port } = values;
    const { tls, files } = await servedCertificate(log, values);
    warnIfOpen(log, { ...values, can: "upload, fetch and read files" });
    warnOfRuntime(log);
    using told = serveLog(log);
    checkApart(values);
    const options: UploadServerOptions = {
      ...values,
      tls,
      maxTotalBytes: maxTotal ?? Number.MAX_SAFE_INTEGER,
      expireMs: expire,
      maxFileBytes: maxFile ?? Number.MAX_SAFE_INTEGER,
      allowedOrigins: allowOrigin,
      page: assets,
      openSide: (stateFolder) => serveDownloads({ ...values, onEvent: told.onDownload }, stateFolder),
      onEvent: told.onEvent,
      onDenied: told.onDenied,
    };
    const server = await listening({ host, port }, () => startUploadServer(options));
    const secure = tls === undefined ? "" : "s";
    printResult(`Upload page: http${secure}://${urlHost(host)}:${server.port}/`);
    log.info("listening", { url: `ws${secure}://${urlHost(host)}:${server.port}/ws`, dir: server.dir });
    reloadOnHangUp(log, { server, files });
    return await untilAborted(signal, { log, stop: () => server.close() });
  },
});

function warnOfRuntime(log: Logger): void {
  if (keepsLimits(Deno.version.deno)) return;
  log.warn("a runtime before Deno 2.9 limits no slow clients and connections, and reloads no certificate", {
    runtime: Deno.version.deno,
  });
}

/** Whether `node:http` of this version does what the server relies on; the one of a binary may be older. */
function keepsLimits(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 2 || (major === 2 && minor >= 9);
}
