import { createHash } from "node:crypto";
import { Patience } from "../../net/patience.ts";
import { CorruptError, MissingError } from "../../store/fetched_file.ts";
import type { FileVersion } from "../../store/file_version.ts";
import type { SmallFiles } from "../../store/small_files.ts";
import type { Remote } from "./remote.ts";
import { RefusedError } from "./requests.ts";
import type { XudpConnection } from "./xudp_connection.ts";

/** A file that is kept in memory until it is whole. */
export interface SmallOrder {
  /** The server's. */
  readonly path: string;
  /** As the server has listed it. */
  readonly version: FileVersion;
  /** Where to, as `SmallFiles` takes it. */
  readonly local: string;
}

/** What has become of one. */
export type SmallEnd =
  | { readonly kind: "stored"; readonly order: SmallOrder; readonly local: string; readonly sha256: string }
  /** It has to be fetched as large ones are: it has changed, or goes to another file system. */
  | { readonly kind: "large"; readonly order: SmallOrder }
  | { readonly kind: "failed"; readonly order: SmallOrder; readonly problem: Error };

/** Largest file that counts as small, in bytes. */
export const SMALL_BYTES = 1024 * 1024;
/** Files, and bytes of them, that are asked for at a time. */
const MAX_ASKED = 200;
const MAX_ASKED_BYTES = 12 * 1024 * 1024;

/** One that has come. */
interface Arrived {
  readonly order: SmallOrder;
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly id: number;
}

/**
 * Fetches many small files: they are asked for many at a time, and what has come meanwhile is stored together.
 *
 * @param onEnd Is told of each file, once it is durable.
 * @throws {Error} The server can't be reached any more, or the disk fails.
 */
export async function fetchSmall(
  orders: readonly SmallOrder[],
  { remote, files, overwrite, onEnd }: {
    readonly remote: Remote;
    readonly files: SmallFiles;
    readonly overwrite: boolean;
    readonly onEnd: (end: SmallEnd) => void;
  },
): Promise<void> {
  const patience = new Patience(remote.signal);
  let waiting = [...orders];
  while (waiting.length > 0) {
    const batches = new Batches(waiting);
    try {
      const connection = await remote.connectXudp();
      for (
        let batch = await batches.next(connection);
        batch !== undefined;
        batch = await batches.next(connection)
      ) {
        const { arrived, ends } = batch;
        const wanted = arrived.map(({ order: { local, version }, bytes }) => {
          return { path: local, bytes, mtimeMs: version.mtimeMs };
        });
        const stored = await files.store(wanted, { overwrite });
        for (const [index, { order, sha256, id }] of arrived.entries()) {
          const local = stored[index];
          batches.settle(order);
          connection.done(id);
          onEnd(local === undefined ? { kind: "large", order } : { kind: "stored", order, local, sha256 });
        }
        for (const end of ends) {
          batches.settle(end.order);
          onEnd(end);
        }
        patience.reset();
      }
      waiting = [];
    } catch (problem) {
      waiting = batches.unsettled();
      await patience.after(problem);
    }
  }
}

/** Asks for files over one connection, and gathers what comes. */
class Batches {
  /** In their order; those that have ended are taken out. */
  readonly #open: Set<SmallOrder>;
  readonly #waiting: SmallOrder[];
  #next = 0;
  #asked = 0;
  #askedBytes = 0;
  #arrived: Arrived[] = [];
  #ends: SmallEnd[] = [];
  #problem: unknown;
  #wake = () => {};

  constructor(orders: readonly SmallOrder[]) {
    this.#open = new Set(orders);
    this.#waiting = [...orders];
  }

  /** What has come since the last call; waits if that is nothing. `undefined`: all have ended. */
  async next(
    connection: XudpConnection,
  ): Promise<{ readonly arrived: readonly Arrived[]; readonly ends: readonly SmallEnd[] } | undefined> {
    this.#ask(connection);
    while (this.#arrived.length + this.#ends.length === 0) {
      if (this.#problem !== undefined) throw this.#problem;
      if (this.#asked === 0) return undefined;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const [arrived, ends] = [this.#arrived, this.#ends];
    [this.#arrived, this.#ends] = [[], []];
    return { arrived, ends };
  }

  /** One has ended, and the server has been told: it has room for another. */
  settle(order: SmallOrder): void {
    this.#open.delete(order);
    this.#asked--;
    this.#askedBytes -= order.version.size;
  }

  /** Those that have not. */
  unsettled(): SmallOrder[] {
    return [...this.#open];
  }

  #ask(connection: XudpConnection): void {
    for (;;) {
      const order = this.#waiting[this.#next];
      if (order === undefined || this.#asked >= MAX_ASKED) return;
      if (this.#asked > 0 && this.#askedBytes + order.version.size > MAX_ASKED_BYTES) return;
      this.#next++;
      this.#asked++;
      this.#askedBytes += order.version.size;
      void this.#get(connection, order);
    }
  }

  async #get(connection: XudpConnection, order: SmallOrder): Promise<void> {
    const { path, version } = order;
    const { size } = version;
    try {
      const bytes = new Uint8Array(size);
      const whole = { from: 0, to: size };
      const ranges = size === 0 ? [] : [whole];
      const { id, sha256 } = await connection.get(
        { path, version, ranges, digest: whole },
        (offset, piece) => {
          bytes.set(piece, offset);
          connection.consumed(piece.length);
        },
      );
      if (createHash("sha256").update(bytes).digest("hex") === sha256) {
        this.#arrived.push({ order, bytes, sha256, id });
        return;
      }
      connection.cancel(id);
      this.#ends.push({ kind: "failed", order, problem: new CorruptError("It came with another SHA-256") });
    } catch (problem) {
      if (problem instanceof RefusedError) this.#ends.push(endOf(order, problem));
      else this.#problem ??= problem;
    } finally {
      this.#wake();
    }
  }
}

function endOf(order: SmallOrder, problem: RefusedError): SmallEnd {
  if (problem.code === "changed") return { kind: "large", order };
  const isMissing = problem.code === "notFound";
  return {
    kind: "failed",
    order,
    problem: isMissing ? new MissingError("The server does not have it any more") : problem,
  };
}
