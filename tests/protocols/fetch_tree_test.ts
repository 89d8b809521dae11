import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { setImmediate } from "node:timers";
import { Remote as TcpRemote } from "../../protocols/tcp_file/remote.ts";
import { TreeFetch as TcpTreeFetch } from "../../protocols/tcp_file/fetch_tree.ts";
import { Remote as UdpRemote } from "../../protocols/udp_file/remote.ts";
import { TreeFetch as UdpTreeFetch } from "../../protocols/udp_file/fetch_tree.ts";
import type { CatalogueEntry } from "../../store/catalogue_entries.ts";
import type { FileEnd } from "../../store/fetched_file.ts";
import { tempDir } from "../support/temp_dir.ts";

/** What fetches from a server that nobody asks. */
interface Fetching extends AsyncDisposable {
  fetch(entries: readonly CatalogueEntry[]): Promise<void>;
}

interface FetchingOptions {
  readonly directory: string;
  readonly overwrite: boolean;
  readonly onEnd: (end: FileEnd) => void;
}

const ACCESS = { endpoint: { hostname: "127.0.0.1", port: 1 }, token: undefined };
const FETCHING: Readonly<Record<string, (options: FetchingOptions, signal: AbortSignal) => Fetching>> = {
  TCP: (options, signal) => {
    const remote = new TcpRemote({ ...ACCESS, tls: undefined }, signal);
    return new TcpTreeFetch({ ...options, remote, connections: 1 });
  },
  UDP: (options, signal) => {
    const remote = new UdpRemote({ ...ACCESS, congestion: "rate", maxBytesPerSecond: undefined }, signal);
    return new UdpTreeFetch({ ...options, remote });
  },
};
const MTIME = 1_700_000_000_123;

for (const [protocol, fetching] of Object.entries(FETCHING)) {
  Deno.test(`a run over ${protocol} that is ended while it looks what is there looks no further`, async () => {
    await using dir = await tempDir();
    for (const name of ["a", "b"]) {
      await Deno.writeTextFile(join(dir.path, name), "x");
      await Deno.utime(join(dir.path, name), 0, new Date(MTIME));
    }
    const stop = new AbortController();
    const ends: string[] = [];
    await using tree = fetching({
      directory: dir.path,
      overwrite: false,
      onEnd: ({ path }) => {
        ends.push(path);
        stop.abort("SIGINT");
      },
    }, stop.signal);
    const entries = ["a", "b"].map((path) => ({ path, type: "file", size: 1, mtimeMs: MTIME } as const));
    assertEquals(await tree.fetch(entries).catch((reason: unknown) => reason), "SIGINT");
    assertEquals(ends, ["a"]);
  });

  Deno.test(`a run over ${protocol} hears of its end between files that wait for nothing`, async () => {
    await using dir = await tempDir();
    const stop = new AbortController();
    let ends = 0;
    await using tree = fetching({
      directory: dir.path,
      overwrite: false,
      onEnd: () => void ends++,
    }, stop.signal);
    // No file can have this name, which needs no look at the disk.
    const entry = { path: "..", type: "file", size: 1, mtimeMs: MTIME } as const;
    const entries = new Array<typeof entry>(200_000).fill(entry);
    setImmediate(() => stop.abort("SIGINT"));
    assertEquals(await tree.fetch(entries).catch((reason: unknown) => reason), "SIGINT");
    assert(ends < entries.length);
  });
}
