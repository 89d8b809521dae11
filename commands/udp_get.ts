import { resolve } from "@std/path";
import { printed } from "../net/dial.ts";
import { type Cut, TreeFetch } from "../protocols/udp_file/fetch_tree.ts";
import { Remote } from "../protocols/udp_file/remote.ts";
import { type Command, defineCommand, UsageError } from "./command.ts";
import { runFileGet } from "./file_get_run.ts";
import type { FileService } from "./file_service.ts";
import { byteSize, byteSizeBetween, congestion, text, toggle, token } from "./flag_values.ts";
import { serverAddress } from "./server_address.ts";

/** The port of the protocol. */
const PORT = 12_345;

/** `transfer udp-get`: fetches files from a server of `udp-serve`, or a plain one. */
export const udpGet: Command = defineCommand({
  name: "udp-get",
  summary: "Fetch files from a server of udp-serve, and go on where it stopped",
  examples: [
    ["transfer udp-get far.example.org film.mkv", "Into data/, as fast as the link goes, whatever it loses"],
    ["transfer udp-get far.example.org film.mkv --congestion cubic", "Gives way to others as TCP does"],
  ],
  arguments: "HOST[:PORT] [NAME...]",
  details: `
A NAME is a file, a directory with all that is in it, or a pattern such as 'photos/*.jpg'.
Without names it shows what the server has; then it fetches what input.txt names, one
name a line, reads it again every 5 s for what is new, and goes on until Ctrl+C.

Files keep their folders and times. One that is there already with the same size and
time is not fetched again. A large file is NAME.part until it is whole and verified;
running the same command again continues it. Servers of the plain protocol work too,
one datagram at a time, but nothing tells there whether what came is right, save its size.

With --offset or --length only these bytes of each file are fetched, as NAME.FROM-TO.`,
  flags: {
    input: {
      summary: "File of names, read again and again; default: input.txt when no names are given",
      valueName: "FILE",
      parse: text,
    },
    watch: {
      summary: "Go on with the input file when the names are fetched",
      default: "false",
      parse: toggle,
    },
    out: {
      summary: "Directory for what is fetched; made when it is not there",
      valueName: "DIR",
      default: "data",
      parse: text,
    },
    offset: { summary: "First byte to fetch of each file", valueName: "N", parse: byteSize },
    length: { summary: "How many bytes to fetch of each file", valueName: "N", parse: byteSize },
    congestion: {
      summary: "How the server keeps from overloading the path: rate does not slow down for loss alone, " +
        "cubic does as TCP would, for links that are shared",
      valueName: "KIND",
      default: "rate",
      parse: congestion,
    },
    maxRate: {
      summary: "Most bytes a second, such as 10M",
      valueName: "RATE",
      parse: byteSizeBetween("4K", "1T"),
    },
    list: { summary: "Show what the server has, and end", default: "false", parse: toggle },
    all: { summary: "Fetch all that the server has", default: "false", parse: toggle },
    overwrite: {
      summary: "Replace a file of the same name that differs, instead of storing NAME (1)",
      default: "false",
      parse: toggle,
    },
    token: {
      summary: "What both sides have to know; better set by TRANSFER_TOKEN, which other users can't see",
      valueName: "TOKEN",
      isSecret: true,
      parse: token,
    },
    json: { summary: "Print events as JSON, one a line", default: "false", parse: toggle },
    quiet: { summary: "Show no progress", default: "false", parse: toggle },
  },
  async run({ offset, length, maxRate, ...values }, { args, signal }) {
    const [server, ...names] = args;
    if (server === undefined) throw new UsageError("Name a server to fetch from: HOST or HOST:PORT");
    if (values.all && names.length > 0) throw new UsageError("--all takes no names: it is all that there is");
    const endpoint = serverAddress(server, PORT);
    const { token, congestion } = values;
    using remote = new Remote({ endpoint, token, congestion, maxBytesPerSecond: maxRate }, signal);
    const cut = offset === undefined && length === undefined ? undefined : { offset: offset ?? 0, length };
    // Of several names each is asked for by itself, and without names all is shown.
    const firstName = values.all || names.length === 0 ? "" : names.length === 1 ? names[0] : undefined;
    const isWatching = values.watch || values.input !== undefined || (names.length === 0 && !values.all);
    return await runFileGet({
      ...values,
      service: serviceOf(remote, { cut, list: firstName }),
      names: values.all ? [""] : names,
      input: isWatching ? values.input ?? "input.txt" : undefined,
      directory: resolve(values.out),
      parts: 1,
    });
  },
});

/** @param options `list`: what is listed first, most likely. */
function serviceOf(
  remote: Remote,
  { cut, list }: { readonly cut: Cut | undefined; readonly list: string | undefined },
): FileService {
  return {
    name: printed(remote.access.endpoint),
    signal: remote.signal,
    async plainList() {
      const server = await remote.connect({ list });
      if (server.kind !== "plain") return undefined;
      return (await server.list()).map(({ name, size }) => ({ name, size: `${size}B` }));
    },
    list: (path) => remote.list(path),
    fetcher: (options) => new TreeFetch({ ...options, remote, cut }),
    rest: () => remote[Symbol.dispose](),
  };
}
