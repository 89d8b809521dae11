import { isLoopback } from "../net/access.ts";
import { startUdpFileServer } from "../protocols/udp_file/server.ts";
import { setUpLog } from "../terminal/log.ts";
import { printResult } from "../terminal/output.ts";
import { printable } from "../terminal/printable.ts";
import { type Command, defineCommand, EXIT } from "./command.ts";
import { byteSizeBetween, logFormat, text, toggle, token, wholeNumber } from "./flag_values.ts";
import { aborted, explainListen, urlHost } from "./listening.ts";
import { DEFAULT_DIRECTORY, servedDirectory } from "./served_directory.ts";
import { udpServeLog } from "./udp_serve_log.ts";

/** `transfer udp-serve`: hands out the files of a directory over links that lose much or are long. */
export const udpServe: Command = defineCommand({
  name: "udp-serve",
  summary: "Hand out the files of a directory over UDP, for long and lossy links",
  examples: [
    [
      "transfer udp-serve /srv/files --host 0.0.0.0 --plain-off",
      "Hands out a directory to clients that verify what arrives",
    ],
  ],
  arguments: "[DIR]",
  details: `
Serves DIR (default ${DEFAULT_DIRECTORY}) to "transfer udp-get" and to plain clients of the protocol.
Files that come, go or change are seen at once. Hidden files, unfinished ones
(NAME.part) and links that lead out of DIR are not offered.

Plain clients are told of the files in DIR itself, as many as fit into one datagram
of 4096 bytes; with --token they are not served. Nothing in their protocol shows
whether what arrives is right, or who asks: --plain-off is for open networks.`,
  flags: {
    host: { summary: "Address to listen on", valueName: "HOST", default: "127.0.0.1", parse: text },
    port: {
      summary: "Port to listen on, 0 for a free one",
      valueName: "PORT",
      default: "12345",
      parse: wholeNumber(0, 65_535),
    },
    list: {
      summary: "File that the list of plain clients is kept in, whole",
      valueName: "FILE",
      default: "file_list.txt",
      parse: text,
    },
    token: {
      summary: "Ask every client for this token; better set by TRANSFER_TOKEN, which other users can't see",
      valueName: "TOKEN",
      parse: token,
      isSecret: true,
    },
    plainOff: { summary: "Serve no plain clients", default: "false", parse: toggle },
    maxConnections: {
      summary: "Most connections at a time",
      valueName: "N",
      default: "512",
      parse: wholeNumber(1, 100_000),
    },
    maxConnectionsPerAddress: {
      summary: "Most connections at a time from one address",
      valueName: "N",
      default: "128",
      parse: wholeNumber(1, 100_000),
    },
    maxRate: {
      summary: "Most bytes a second, to all clients together, such as 10M",
      valueName: "RATE",
      parse: byteSizeBetween("4K", "1T"),
    },
    log: {
      summary: "Form of the log: text for people, json for programs, one object a line",
      valueName: "FORM",
      default: "text",
      parse: logFormat,
    },
    quiet: { summary: "Log warnings and errors only", default: "false", parse: toggle },
  },
  async run({ host, port, list, maxRate, plainOff, ...values }, { args, signal }) {
    const dir = await servedDirectory(args);
    const log = setUpLog({ format: values.log, quiet: values.quiet });
    if (!isLoopback(host) && values.token === undefined) {
      log.warn("anyone who reaches this address can read the files: set TRANSFER_TOKEN", { host });
    }
    using told = udpServeLog(log);
    const server = await startUdpFileServer({
      ...values,
      host,
      port,
      dir,
      listFile: list,
      plain: !plainOff,
      maxBytesPerSecond: maxRate,
      onEvent: told.onEvent,
    }).catch((error: unknown) => {
      throw explainListen(error, { host, port });
    });
    printResult(`Serving ${printable(server.dir)} at ${urlHost(host)}:${server.port}`);
    log.info("listening", { host, port: server.port, dir: server.dir });
    await aborted(signal);
    log.info("stopping", { reason: signal.reason });
    await server.close();
    log.info("stopped", {});
    return EXIT.done;
  },
});
