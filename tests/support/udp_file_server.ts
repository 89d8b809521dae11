import { dirname, join } from "@std/path";
import {
  type ServerEvent,
  startUdpFileServer,
  type UdpFileServer,
  type UdpFileServerOptions,
} from "../../protocols/udp_file/server.ts";
import { Changes } from "./changes.ts";

/** A real server on a free port of loopback, over a directory of its own; both go when it is disposed of. */
export interface TestUdpFileServer extends AsyncDisposable {
  readonly port: number;
  readonly dir: string;
  readonly server: UdpFileServer;
  readonly events: readonly ServerEvent[];
  /** Settles with the first event of a type that was told, or will be. */
  told<T extends ServerEvent["type"]>(type: T): Promise<Extract<ServerEvent, { type: T }>>;
}

/** Starts a {@linkcode TestUdpFileServer} over a directory with these files. */
export async function udpFileServer(
  files: Readonly<Record<string, string | Uint8Array>>,
  options: Partial<UdpFileServerOptions> = {},
): Promise<TestUdpFileServer> {
  const dir = await Deno.makeTempDir({ prefix: "transfer-test-" });
  for (const [path, content] of Object.entries(files)) {
    await Deno.mkdir(dirname(join(dir, path)), { recursive: true });
    if (typeof content === "string") await Deno.writeTextFile(join(dir, path), content);
    else await Deno.writeFile(join(dir, path), content);
  }
  const events: ServerEvent[] = [];
  const changes = new Changes();
  const server = await startUdpFileServer({
    host: "127.0.0.1",
    port: 0,
    dir,
    maxConnections: 512,
    maxConnectionsPerAddress: 512,
    onEvent(event) {
      events.push(event);
      changes.onChange();
    },
    ...options,
  });
  return {
    port: server.port,
    dir: server.dir,
    server,
    events,
    async told<T extends ServerEvent["type"]>(type: T) {
      const isIt = (event: ServerEvent): event is Extract<ServerEvent, { type: T }> => event.type === type;
      await changes.until(() => events.some(isIt));
      const found = events.find(isIt);
      if (found === undefined) throw new Error(`No event of type ${type}`);
      return found;
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await Deno.remove(dir, { recursive: true });
    },
  };
}
