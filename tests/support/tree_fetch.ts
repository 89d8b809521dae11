import type { Disk } from "../../store/disk.ts";
import type { FileEnd } from "../../store/fetched_file.ts";
import { TreeFetch } from "../../protocols/tcp_file/fetch_tree.ts";
import type { RunningFile } from "../../store/fetched_file.ts";
import { Remote } from "../../protocols/tcp_file/remote.ts";

/** How a test fetches. */
export interface FetchSetting {
  readonly port: number;
  readonly directory: string;
  readonly connections?: number;
  readonly overwrite?: boolean;
  readonly token?: string;
  readonly silenceMs?: number;
  readonly disk?: Disk;
  readonly signal?: AbortSignal;
  readonly onFile?: (file: RunningFile) => void;
}

/** Fetches files, or all that there are, from a server of loopback as `tcp-get` does. @returns How each ended. */
export async function fetchNames(setting: FetchSetting, names?: readonly string[]): Promise<FileEnd[]> {
  const { port, directory, connections = 4, overwrite = false, token, silenceMs, disk, onFile } = setting;
  const ends: FileEnd[] = [];
  const access = { endpoint: { hostname: "127.0.0.1", port }, tls: undefined, token, silenceMs };
  using remote = new Remote(access, setting.signal ?? new AbortController().signal);
  await using tree = new TreeFetch({
    remote,
    connections,
    directory,
    overwrite,
    disk,
    onFile,
    onEnd: (end) => ends.push(end),
  });
  const first = await remote.connect();
  remote.release(first);
  if (first.kind === "plain") { for (const name of names ?? []) await tree.fetchPlain(name); }
  else for (const name of names ?? [""]) await tree.fetch(await remote.list(name) ?? []);
  return ends;
}
