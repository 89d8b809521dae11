import { type Cut, TreeFetch } from "../../protocols/udp_file/fetch_tree.ts";
import { Remote } from "../../protocols/udp_file/remote.ts";
import type { FileEnd, RunningFile } from "../../store/fetched_file.ts";

/** How a test fetches. */
export interface UdpFetchSetting {
  readonly port: number;
  readonly directory: string;
  readonly overwrite?: boolean;
  readonly token?: string;
  readonly cut?: Cut;
  readonly maxBytesPerSecond?: number;
  readonly signal?: AbortSignal;
  /** Has one name sent with its entry, as `udp-get` does. */
  readonly isEarly?: boolean;
  readonly onFile?: (file: RunningFile) => void;
}

/** Fetches files, or all that there are, from a server of loopback as `udp-get` does. @returns How each ended. */
export async function fetchOverUdp(setting: UdpFetchSetting, names?: readonly string[]): Promise<FileEnd[]> {
  const { port, directory, overwrite = false, token, cut, onFile } = setting;
  const ends: FileEnd[] = [];
  const access = {
    endpoint: { hostname: "127.0.0.1", port },
    token,
    congestion: "rate",
    maxBytesPerSecond: setting.maxBytesPerSecond,
  } as const;
  using remote = new Remote(access, setting.signal ?? new AbortController().signal);
  await using tree = new TreeFetch({
    remote,
    directory,
    overwrite,
    cut,
    onFile,
    onEnd: (end) => ends.push(end),
  });
  const [first] = names ?? [];
  const server = await remote.connect(
    setting.isEarly && first !== undefined ? { list: first, isWanted: true } : undefined,
  );
  if (server.kind === "plain") { for (const name of names ?? []) await tree.fetchPlain(name); }
  else for (const name of names ?? [""]) await tree.fetch(await remote.list(name) ?? []);
  return ends;
}
