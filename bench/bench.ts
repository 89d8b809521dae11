/** What all capabilities are given, and the shape that most of their contenders have. */

import { join } from "@std/path";
import type { Contender, Place, Row } from "./contender.ts";
import { emptyDir, type Sources } from "./files.ts";
import { freePort, onClient, onServer, runClient, type Server, startServer } from "./processes.ts";

/** A run of the benchmarks. */
export interface Bench {
  /** The words that run this project. */
  readonly transfer: readonly string[];
  /** Whether these are one program of its own, not a runtime with a source tree. */
  readonly isBinary: boolean;
  /** For what is moved, on tmpfs if there is room. */
  readonly dir: string;
  /** For databases: a disk, as a sync costs nothing on tmpfs. */
  readonly disk: string;
  readonly sources: Sources;
}

/** @returns The rows of a capability. Nothing is started yet. */
export type Capability = (bench: Bench) => readonly Row[];

/** A place, and a directory for what arrives. */
export interface Standpoint extends Place {
  readonly to: string;
}

/** A program that moves files from one side to the other. */
export interface Carrier {
  readonly name: string;
  readonly programs?: readonly string[];
  readonly serve: (at: Standpoint) => Promise<Server>;
  /** The command that is timed, from its start to its end. */
  readonly client: (at: Standpoint, server: Server) => readonly string[];
  /** Compares what arrived; left out: nothing is kept. */
  readonly check?: (to: string) => Promise<void>;
}

/** A contender whose figure is the time of a command, and whose files are compared when that has ended. */
export function carrying({ dir }: Bench, carrier: Carrier): Contender {
  const { name, programs = [], serve, client, check } = carrier;
  return {
    name,
    programs,
    start: async (place) => {
      const to = await Deno.makeTempDir({ dir, prefix: "arrived-" });
      const at = { ...place, to };
      const removed = () => Deno.remove(to, { recursive: true });
      try {
        const server = await serve(at);
        return {
          servers: [server.pid],
          run: async (watch) => {
            const { seconds } = await runClient(onClient(place, client(at, server)), watch, { cwd: dir });
            await check?.(to);
            await emptyDir(to);
            return { value: seconds };
          },
          [Symbol.asyncDispose]: async () => {
            await server[Symbol.asyncDispose]();
            await removed();
          },
        };
      } catch (error) {
        await removed();
        throw error;
      }
    },
  };
}

/** Starts a server of this project. */
export async function serveTransfer(
  { transfer, dir, disk }: Pick<Bench, "transfer" | "dir" | "disk">,
  place: Place,
  words: readonly string[],
): Promise<Server> {
  const port = freePort();
  const address = ["--host", place.address, "--port", String(port)];
  return await startServer(onServer(place, [...transfer, ...words, ...address, "--quiet"]), {
    port,
    cwd: dir,
    env: { XDG_STATE_HOME: join(disk, "state") },
  });
}

/** Starts a program of this benchmark, which is given its address and its port. */
export async function serveBare(
  place: Place,
  program: string,
  words: readonly string[] = [],
): Promise<Server> {
  const port = freePort();
  return await startServer(onServer(place, [...bare(program), place.address, String(port), ...words]), {
    port,
  });
}

/** The words that run a program of this benchmark. */
export function bare(program: string): readonly string[] {
  const [path, config] = [program, "../deno.json"].map((each) => new URL(each, import.meta.url).pathname);
  return [Deno.execPath(), "run", "-A", "--config", config ?? "", path ?? ""];
}
