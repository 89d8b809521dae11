import { ConnectionProblem } from "../../net/connection_problem.ts";
import type { HttpResponse } from "./http_client.ts";

/** Options of {@linkcode receiveBody}. */
export interface ReceiveOptions {
  /** Where bytes wait to be written; one of 1 to 2 MiB is as fast as it gets. Nobody else's until the end. */
  readonly buffer: Uint8Array;
  /** Where in the file the body begins. */
  readonly from: number;
  /** Where to stop; `undefined` for the end of the body. */
  readonly to: number | undefined;
  /** Writes all of the bytes. Never called while a call is under way. */
  readonly write: (bytes: Uint8Array, at: number) => Promise<void>;
  /** Called with a number of bytes as they come, before they are written. */
  readonly onArrived?: ((count: number) => void) | undefined;
  /** Called with a number of bytes once they are written. */
  readonly onWritten?: ((count: number) => void) | undefined;
  /** Waits for leave to read, and says for how many bytes at most: a limit of the rate. 0: nobody wants more. */
  readonly allow?: ((wanted: number) => Promise<number>) | undefined;
}

/** How the reading of a body ended. What had come by then is written, unless writing failed. */
export type Received =
  /** At the end of the body, or at `to`. */
  | { readonly kind: "end" }
  /** Before that. */
  | { readonly kind: "lost"; readonly problem: unknown }
  /** Nothing can be written any more. */
  | { readonly kind: "unwritable"; readonly problem: unknown };

/** A body on its way into a file. */
export interface Receiving {
  /** How far it is written. */
  readonly at: number;
  /** Stops at an earlier place than was said before. What was read beyond is dropped. */
  shorten(to: number): void;
  /** Stops where it stands: no write begins any more, though one under way goes on until `ended`. */
  cut(): void;
  /** Never rejects. The response is closed then. */
  readonly ended: Promise<Received>;
}

/**
 * Bytes are written once the buffer is full or the first of them has waited so long: a write for each read
 * would cost up to twice the CPU on a fast link, and on a slow one they should not wait in memory.
 */
const WRITE_AFTER_MS = 50;

/** Carries the body of a response into a file. */
export function receiveBody(response: HttpResponse, options: ReceiveOptions): Receiving {
  const { buffer, from, write, onArrived = () => {}, onWritten = () => {}, allow } = options;
  let { to = Infinity } = options;
  let at = from;
  let filled = 0;
  let firstMs = 0;
  let isCut = false;
  let unwritable: { readonly problem: unknown } | undefined;

  /** @returns Whether there may be more. */
  async function fill(): Promise<boolean> {
    const wanted = Math.min(buffer.length - filled, to - at - filled);
    if (wanted <= 0) return false;
    const room = allow === undefined ? wanted : Math.min(wanted, await allow(wanted));
    if (room === 0) return false;
    const count = await response.read(buffer.subarray(filled, filled + room));
    if (count === null) return false;
    if (filled === 0) firstMs = performance.now();
    filled += count;
    onArrived(count);
    return filled < buffer.length && at + filled < to && performance.now() - firstMs < WRITE_AFTER_MS;
  }

  async function flush(): Promise<void> {
    const count = isCut ? 0 : Math.min(filled, to - at);
    filled = 0;
    if (count <= 0) return;
    try {
      await write(buffer.subarray(0, count), at);
    } catch (problem) {
      unwritable = { problem };
      throw problem;
    }
    at += count;
    onWritten(count);
  }

  async function receive(): Promise<Received> {
    try {
      for (let isOver = false; !isOver;) {
        while (await fill());
        isOver = filled === 0;
        await flush();
      }
      return isCut ? { kind: "lost", problem: new ConnectionProblem("It was cut") } : { kind: "end" };
    } catch (problem) {
      if (unwritable === undefined) await flush().catch(() => {});
      if (unwritable !== undefined) return { kind: "unwritable", problem: unwritable.problem };
      return at >= to ? { kind: "end" } : { kind: "lost", problem };
    } finally {
      response.close();
    }
  }

  return {
    get at() {
      return at;
    },
    shorten(earlier) {
      to = Math.min(to, earlier);
      // What is being read is another's now.
      if (at + filled >= to) response.close();
    },
    cut() {
      isCut = true;
      response.close();
    },
    ended: receive(),
  };
}
