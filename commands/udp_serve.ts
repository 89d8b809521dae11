import { BASE_DATAGRAM_BYTES, MAX_LOOPBACK_DATAGRAM_BYTES } from "../protocols/udp_file/packets.ts";
import { startUdpFileServer } from "../protocols/udp_file/server.ts";
import { setUpLog } from "../terminal/log.ts";
import { printResult } from "../terminal/output.ts";
import { printable } from "../terminal/printable.ts";
import { type Command, defineCommand } from "./command.ts";
import { byteSizeBetween, text, toggle, wholeNumber } from "./flag_values.ts";
import { listening, untilAborted, urlHost, warnIfOpen } from "./listening.ts";
import { DEFAULT_DIRECTORY, servedDirectory } from "./served_directory.ts";
import { CLIENT_TOKEN, connectionFlags, listenFlags, logFlags } from "./serving_flags.ts";
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
    ...listenFlags(12_345),
    list: {
      summary: "File that the list of plain clients is kept in, whole",
      valueName: "FILE",
      default: "file_list.txt",
      parse: text,
    },
    ...CLIENT_TOKEN,
    plainOff: { summary: "Serve no plain clients", default: "false", parse: toggle },
    ...connectionFlags({ all: 512, perAddress: 128 }),
    maxRate: {
      summary: "Most bytes a second, to all clients together, such as 10M",
      valueName: "RATE",
      parse: byteSizeBetween("4K", "1T"),
    },
    maxDatagram: {
      summary: "Most bytes of a datagram, where the path is known to carry no more; else that is found out",
      valueName: "BYTES",
      parse: wholeNumber(BASE_DATAGRAM_BYTES, MAX_LOOPBACK_DATAGRAM_BYTES),
    },
    ...logFlags(),
  },
  async run({ list, maxRate, maxDatagram, plainOff, ...values }, { args, signal }) {
    const dir = await servedDirectory(args);
    const log = setUpLog({ format: values.log, quiet: values.quiet });
    const { host, port } = values;
    warnIfOpen(log, { ...values, can: "read the files" });
    using told = udpServeLog(log);
    const { onEvent } = told;
    const options = {
      ...values,
      plain: !plainOff,
      dir,
      listFile: list,
      maxBytesPerSecond: maxRate,
      maxDatagramBytes: maxDatagram,
      onEvent,
    };
    const server = await listening({ host, port }, () => startUdpFileServer(options));
    printResult(`Serving ${printable(server.dir)} at ${urlHost(host)}:${server.port}`);
    log.info("listening", { host, port: server.port, dir: server.dir });
    return await untilAborted(signal, { log, stop: () => server.close() });
  },
});
