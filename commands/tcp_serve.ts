import { isLoopback } from "../net/access.ts";
import { readCertificate } from "../net/certificate.ts";
import { startTcpFileServer } from "../protocols/tcp_file/server.ts";
import { setUpLog } from "../terminal/log.ts";
import { printResult } from "../terminal/output.ts";
import { printable } from "../terminal/printable.ts";
import { type Command, defineCommand, EXIT } from "./command.ts";
import { byteSizeBetween, logFormat, text, toggle, token, wholeNumber } from "./flag_values.ts";
import { aborted, explainListen, urlHost } from "./listening.ts";
import { DEFAULT_DIRECTORY, servedDirectory } from "./served_directory.ts";
import { tcpServeLog } from "./tcp_serve_log.ts";
import { certificateFiles, reloadOnHangUp, warnOfDates } from "./tls_flags.ts";

/** `transfer tcp-serve`: hands out the files of a directory. */
export const tcpServe: Command = defineCommand({
  name: "tcp-serve",
  summary: "Hand out the files of a directory over TCP",
  examples: [
    [
      "transfer tcp-serve /srv/files --host 0.0.0.0",
      "Hands out a directory on every network of this machine",
    ],
  ],
  arguments: "[DIR]",
  details: `
Serves DIR (default ${DEFAULT_DIRECTORY}) to "transfer tcp-get" and to plain clients of the protocol.
Files that come, go or change are seen at once. Hidden files, unfinished ones
(NAME.part) and links that lead out of DIR are not offered.

Plain clients are told of the files in DIR itself, as many as fit into the 4096
bytes of a list that they read; with --token they are not served.`,
  flags: {
    host: { summary: "Address to listen on", valueName: "HOST", default: "127.0.0.1", parse: text },
    port: {
      summary: "Port to listen on, 0 for a free one",
      valueName: "PORT",
      default: "9876",
      parse: wholeNumber(0, 65_535),
    },
    list: {
      summary: "File that the list of plain clients is kept in, whole",
      valueName: "FILE",
      default: "text.txt",
      parse: text,
    },
    token: {
      summary: "Ask every client for this token; better set by TRANSFER_TOKEN, which other users can't see",
      valueName: "TOKEN",
      parse: token,
      isSecret: true,
    },
    tlsCert: {
      summary: "Certificate in PEM form, with those that lead to its authority: serve over TLS",
      valueName: "FILE",
      parse: text,
    },
    tlsKey: { summary: "Its private key in PEM form", valueName: "FILE", parse: text },
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
      summary: "Most bytes a second, over all connections, such as 10M",
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
  async run({ host, port, tlsCert, tlsKey, list, maxRate, ...values }, { args, signal }) {
    const dir = await servedDirectory(args);
    const log = setUpLog({ format: values.log, quiet: values.quiet });
    const files = certificateFiles(tlsCert, tlsKey);
    const tls = files === undefined ? undefined : await readCertificate(files);
    if (tls !== undefined) warnOfDates(log, tls);
    if (!isLoopback(host) && values.token === undefined) {
      log.warn("anyone who reaches this address can read the files: set TRANSFER_TOKEN", { host });
    }
    using told = tcpServeLog(log);
    const server = await startTcpFileServer({
      ...values,
      host,
      port,
      tls,
      dir,
      listFile: list,
      maxBytesPerSecond: maxRate,
      onEvent: told.onEvent,
    }).catch((error: unknown) => {
      throw explainListen(error, { host, port });
    });
    const secure = tls === undefined ? "" : " over TLS";
    printResult(`Serving ${printable(server.dir)} at ${urlHost(host)}:${server.port}${secure}`);
    log.info("listening", { host, port: server.port, dir: server.dir, tls: tls !== undefined });
    if (files !== undefined) reloadOnHangUp(log, { server, files });
    await aborted(signal);
    log.info("stopping", { reason: signal.reason });
    await server.close();
    log.info("stopped", {});
    return EXIT.done;
  },
});
