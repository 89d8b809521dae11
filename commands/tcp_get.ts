import { resolve } from "@std/path";
import { printed } from "../net/dial.ts";
import { TreeFetch } from "../protocols/tcp_file/fetch_tree.ts";
import { parsePlainList } from "../protocols/tcp_file/plain_client.ts";
import { Remote } from "../protocols/tcp_file/remote.ts";
import { type Command, defineCommand, UsageError } from "./command.ts";
import { text, toggle, token, wholeNumber } from "./flag_values.ts";
import { serverAddress } from "./server_address.ts";
import { runFileGet } from "./file_get_run.ts";
import type { FileService } from "./file_service.ts";

/** The port of the protocol. */
const PORT = 9876;

/** `transfer tcp-get`: fetches files from a server of `tcp-serve`, or a plain one. */
export const tcpGet: Command = defineCommand({
  name: "tcp-get",
  summary: "Fetch files from a server of tcp-serve, and go on where it stopped",
  examples: [
    ["transfer tcp-get files.lan photos '*.iso'", "A directory and what a pattern matches, into data/"],
    ["transfer tcp-get files.lan --all --out /srv/copy", "All that the server has"],
  ],
  arguments: "HOST[:PORT] [NAME...]",
  details: `
A NAME is a file, a directory with all that is in it, or a pattern such as 'photos/*.jpg'.
Without names it shows what the server has; then it fetches what input.txt names, one
name a line, reads it again every 5 s for what is new, and goes on until Ctrl+C.

Files keep their folders and times. One that is there already with the same size and
time is not fetched again. A large file is NAME.part until it is whole and verified;
running the same command again continues it. Servers of the plain protocol work too,
but nothing tells there whether what came is right, save its size.`,
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
    connections: {
      summary: "Most connections for one file",
      valueName: "N",
      default: "4",
      parse: wholeNumber(1, 16),
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
    tls: { summary: "Speak TLS, and check the server's certificate", default: "false", parse: toggle },
    ca: {
      summary: "PEM file of certificate authorities to trust besides the system's; speaks TLS",
      valueName: "FILE",
      parse: text,
    },
    json: { summary: "Print events as JSON, one a line", default: "false", parse: toggle },
    quiet: { summary: "Show no progress", default: "false", parse: toggle },
  },
  async run(values, { args, signal }) {
    const [server, ...names] = args;
    if (server === undefined) throw new UsageError("Name a server to fetch from: HOST or HOST:PORT");
    if (values.all && names.length > 0) throw new UsageError("--all takes no names: it is all that there is");
    const endpoint = serverAddress(server, PORT);
    const caCerts = values.ca === undefined ? [] : await authorities(values.ca);
    const tls = values.tls || values.ca !== undefined ? { caCerts } : undefined;
    using remote = new Remote({ endpoint, tls, token: values.token }, signal);
    const isWatching = values.watch || values.input !== undefined || (names.length === 0 && !values.all);
    return await runFileGet({
      ...values,
      service: serviceOf(remote, values),
      parts: values.connections,
      names: values.all ? [""] : names,
      input: isWatching ? values.input ?? "input.txt" : undefined,
      directory: resolve(values.out),
    });
  },
});

function serviceOf(remote: Remote, { connections }: { readonly connections: number }): FileService {
  return {
    name: printed(remote.access.endpoint),
    signal: remote.signal,
    async plainList() {
      const connection = await remote.connect();
      remote.release(connection);
      return connection.kind === "plain" ? parsePlainList(connection.list) : undefined;
    },
    list: (path) => remote.list(path),
    fetcher: (options) => new TreeFetch({ ...options, remote, connections }),
    rest: () => remote[Symbol.dispose](),
  };
}

async function authorities(path: string): Promise<readonly string[]> {
  // Loaded when it is asked for, as few do.
  const { trusted } = await import("./tls_flags.ts");
  using trust = await trusted(path);
  return trust.caCerts;
}
