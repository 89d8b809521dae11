import { startTcpFileServer } from "../protocols/tcp_file/server.ts";
import { setUpLog } from "../terminal/log.ts";
import { printResult } from "../terminal/output.ts";
import { printable } from "../terminal/printable.ts";
import { type Command, defineCommand } from "./command.ts";
import { byteSizeBetween, text } from "./flag_values.ts";
import { listening, untilAborted, urlHost, warnIfOpen } from "./listening.ts";
import { DEFAULT_DIRECTORY, servedDirectory } from "./served_directory.ts";
import { certificateFlags, CLIENT_TOKEN, connectionFlags, listenFlags, logFlags } from "./serving_flags.ts";
import { tcpServeLog } from "./tcp_serve_log.ts";
import { reloadOnHangUp, servedCertificate } from "./tls_flags.ts";

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
    ...listenFlags(9876),
    list: {
      summary: "File that the list of plain clients is kept in, whole",
      valueName: "FILE",
      default: "text.txt",
      parse: text,
    },
    ...CLIENT_TOKEN,
    ...certificateFlags("serve over TLS"),
    ...connectionFlags({ all: 512, perAddress: 128 }),
    maxRate: {
      summary: "Most bytes a second, over all connections, such as 10M",
      valueName: "RATE",
      parse: byteSizeBetween("4K", "1T"),
    },
    ...logFlags(),
  },
  async run({ list, maxRate, ...values }, { args, signal }) {
    const dir = await servedDirectory(args);
    const log = setUpLog({ format: values.log, quiet: values.quiet });
    const { host, port } = values;
    const { tls, files } = await servedCertificate(log, values);
    warnIfOpen(log, { ...values, can: "read the files" });
    using told = tcpServeLog(log);
    const { onEvent } = told;
    const options = { ...values, tls, dir, listFile: list, maxBytesPerSecond: maxRate, onEvent };
    const server = await listening({ host, port }, () => startTcpFileServer(options));
    const secure = tls === undefined ? "" : " over TLS";
    printResult(`Serving ${printable(server.dir)} at ${urlHost(host)}:${server.port}${secure}`);
    log.info("listening", { host, port: server.port, dir: server.dir, tls: tls !== undefined });
    reloadOnHangUp(log, { server, files });
    return await untilAborted(signal, { log, stop: () => server.close() });
  },
});
