import { dirname, join } from "@std/path";
import { Changes } from "./changes.ts";

/** A real server on a free port of loopback, over a directory of its own; both go when it is disposed of. */
export interface TestFileServer<S, E extends { readonly type: string }> extends AsyncDisposable {
  readonly port: number;
  readonly dir: string;
  readonly server: S;
  readonly events: readonly E[];
  /** Settles with the first event of a type that was told, or will be. */
  told<T extends E["type"]>(type: T): Promise<Extract<E, { type: T }>>;
}

/** What a server of files is started with, if a test does not say otherwise. */
export interface TestServing<E> {
  readonly host: string;
  readonly port: number;
  readonly dir: string;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly onEvent: (event: E) => void;
}

interface FileServer {
  readonly port: number;
  readonly dir: string;
  close(): Promise<void>;
}

/** Starts a {@linkcode TestFileServer} over a directory with these files. */
export async function fileServer<S extends FileServer, E extends { readonly type: string }>(
  files: Readonly<Record<string, string | Uint8Array>>,
  start: (serving: TestServing<E>) => Promise<S>,
): Promise<TestFileServer<S, E>> {
  const root = await Deno.makeTempDir({ prefix: "transfer-test-" });
  for (const [path, content] of Object.entries(files)) {
    await Deno.mkdir(dirname(join(root, path)), { recursive: true });
    if (typeof content === "string") await Deno.writeTextFile(join(root, path), content);
    else await Deno.writeFile(join(root, path), content);
  }
  const events: E[] = [];
  const changes = new Changes();
  const server = await start({
    host: "127.0.0.1",
    port: 0,
    dir: root,
    maxConnections: 512,
    maxConnectionsPerAddress: 512,
    onEvent(event) {
      events.push(event);
      changes.onChange();
    },
  });
  const { port, dir } = server;
  return {
    port,
    dir,
    server,
    events,
    async told<T extends E["type"]>(type: T) {
      const isIt = (event: E): event is Extract<E, { type: T }> => event.type === type;
      await changes.until(() => events.some(isIt));
      const found = events.find(isIt);
      if (found === undefined) throw new Error(`No event of type ${type}`);
      return found;
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await Deno.remove(root, { recursive: true });
    },
  };
}
