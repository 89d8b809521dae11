import { printed } from "../net/dial.ts";
import type { TreeFetch } from "../protocols/tcp_file/fetch_tree.ts";
import { parsePlainList } from "../protocols/tcp_file/plain_client.ts";
import { Remote } from "../protocols/tcp_file/remote.ts";
import { type Command, defineCommand } from "./command.ts";
import { text, toggle, wholeNumber } from "./flag_values.ts";
import { FETCH_FLAGS, fileGetPlan, FILES_HELP, PLACE_FLAGS } from "./file_get_flags.ts";
import { runFileGet } from "./file_get_run.ts";
import type { FileFetcher, FileService } from "./file_service.ts";
import { OUTPUT_FLAGS } from "./output_flags.ts";

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
  details: `${FILES_HELP} Servers of the plain protocol work too,
but nothing tells there whether what came is right, save its size.`,
  flags: {
    ...PLACE_FLAGS,
    connections: {
      summary: "Most connections for one file",
      valueName: "N",
      default: "4",
      parse: wholeNumber(1, 16),
    },
    ...FETCH_FLAGS,
    tls: { summary: "Speak TLS, and check the server's certificate", default: "false", parse: toggle },
    ca: {
      summary: "PEM file of certificate authorities to trust besides the system's; speaks TLS",
      valueName: "FILE",
      parse: text,
    },
    ...OUTPUT_FLAGS,
  },
  async run(values, { args, signal }) {
    const { endpoint, ...plan } = fileGetPlan(args, { ...values, defaultPort: PORT });
    const caCerts = values.ca === undefined ? [] : await authorities(values.ca);
    const tls = values.tls || values.ca !== undefined ? { caCerts } : undefined;
    using remote = new Remote({ endpoint, tls, token: values.token }, signal);
    return await runFileGet({
      ...values,
      ...plan,
      service: serviceOf(remote, values),
      parts: values.connections,
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
    list(path) {
      const listed = remote.list(path);
      // Why it failed is told to who needs it.
      fetching().catch(() => {});
      return listed;
    },
    fetcher: (options) =>
      laterFetcher(async () => new (await fetching())({ ...options, remote, connections })),
    rest: () => remote[Symbol.dispose](),
  };
}

/** What fetches, loaded while the server looks for what it lists. */
async function fetching(): Promise<typeof TreeFetch> {
  return (await import("../protocols/tcp_file/fetch_tree.ts")).TreeFetch;
}

/** A fetcher that is made when it is first needed. */
function laterFetcher(make: () => Promise<FileFetcher>): FileFetcher {
  let made: Promise<FileFetcher> | undefined;
  const fetcher = () => made ??= make();
  return {
    fetch: async (entries) => await (await fetcher()).fetch(entries),
    fetchPlain: async (name) => await (await fetcher()).fetchPlain(name),
    async [Symbol.asyncDispose]() {
      await (await made)?.[Symbol.asyncDispose]();
    },
  };
}

async function authorities(path: string): Promise<readonly string[]> {
  // Loaded when it is asked for, as few do.
  const { trusted } = await import("./tls_flags.ts");
  using trust = await trusted(path);
  return trust.caCerts;
}
