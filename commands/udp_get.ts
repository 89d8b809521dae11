import { printed } from "../net/dial.ts";
import type { FirstRequest } from "../protocols/udp_file/first_request.ts";
import { type Cut, TreeFetch } from "../protocols/udp_file/fetch_tree.ts";
import { Remote } from "../protocols/udp_file/remote.ts";
import { type Command, defineCommand } from "./command.ts";
import { FETCH_FLAGS, fileGetPlan, FILES_HELP, PLACE_FLAGS } from "./file_get_flags.ts";
import { runFileGet } from "./file_get_run.ts";
import type { FileService } from "./file_service.ts";
import { OUTPUT_FLAGS } from "./output_flags.ts";
import { byteSize, byteSizeBetween, congestion } from "./flag_values.ts";

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
  details: `${FILES_HELP} Servers of the plain protocol work too,
one datagram at a time, but nothing tells there whether what came is right, save its size.

With --offset or --length only these bytes of each file are fetched, as NAME.FROM-TO.`,
  flags: {
    ...PLACE_FLAGS,
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
    ...FETCH_FLAGS,
    ...OUTPUT_FLAGS,
  },
  async run({ offset, length, maxRate, ...values }, { args, signal }) {
    const { endpoint, ...plan } = fileGetPlan(args, { ...values, defaultPort: PORT });
    const { token, congestion } = values;
    using remote = new Remote({ endpoint, token, congestion, maxBytesPerSecond: maxRate }, signal);
    const cut = offset === undefined && length === undefined ? undefined : { offset: offset ?? 0, length };
    // Of several names each is asked for by itself, and without names all is shown.
    const [name = ""] = plan.names;
    const isWanted = name !== "" && !values.list && cut === undefined;
    const first = plan.names.length > 1 ? undefined : { list: name, isWanted };
    return await runFileGet({
      ...values,
      ...plan,
      service: serviceOf(remote, { cut, first }),
      parts: 1,
    });
  },
});

function serviceOf(
  remote: Remote,
  { cut, first }: { readonly cut: Cut | undefined; readonly first: FirstRequest | undefined },
): FileService {
  return {
    name: printed(remote.access.endpoint),
    signal: remote.signal,
    async plainList() {
      const server = await remote.connect(first);
      if (server.kind !== "plain") return undefined;
      return (await server.list()).map(({ name, size }) => ({ name, size: `${size}B` }));
    },
    list: (path) => remote.list(path),
    fetcher: (options) => new TreeFetch({ ...options, remote, cut }),
    rest: () => remote[Symbol.dispose](),
  };
}
