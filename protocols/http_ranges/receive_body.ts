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
  return new ReceivingBody(response, options);
}

class ReceivingBody implements Receiving {
  readonly ended: Promise<Received>;
  readonly #response: HttpResponse;
  readonly #options: ReceiveOptions;
  #at: number;
  #to: number;
  /** Bytes in the buffer, and when the first of them came. */
  #filled = 0;
  #firstMs = 0;
  #isCut = false;
  #unwritable: { readonly problem: unknown } | undefined;

  constructor(response: HttpResponse, options: ReceiveOptions) {
    this.#response = response;
    this.#options = options;
    this.#at = options.from;
    this.#to = options.to ?? Infinity;
    this.ended = this.#receive();
  }

  get at(): number {
    return this.#at;
  }

  shorten(to: number): void {
    this.#to = Math.min(this.#to, to);
    // What is being read is another's now.
    if (this.#at + this.#filled >= this.#to) this.#response.close();
  }

  cut(): void {
    this.#isCut = true;
    this.#response.close();
  }

  async #receive(): Promise<Received> {
    try {
      for (let isOver = false; !isOver;) {
        while (await this.#fill());
        isOver = this.#filled === 0;
        await this.#flush();
      }
      return this.#isCut ? { kind: "lost", problem: new ConnectionProblem("It was cut") } : { kind: "end" };
    } catch (problem) {
      if (this.#unwritable === undefined) await this.#flush().catch(() => {});
      if (this.#unwritable !== undefined) return { kind: "unwritable", problem: this.#unwritable.problem };
      return this.#at >= this.#to ? { kind: "end" } : { kind: "lost", problem };
    } finally {
      this.#response.close();
    }
  }

  /** @returns Whether there may be more. */
  async #fill(): Promise<boolean> {
    const { buffer, allow, onArrived } = this.#options;
    const wanted = Math.min(buffer.length - this.#filled, this.#to - this.#at - this.#filled);
    if (wanted <= 0) return false;
    const room = allow === undefined ? wanted : Math.min(wanted, await allow(wanted));
    if (room === 0) return false;
    const count = await this.#response.read(buffer.subarray(this.#filled, this.#filled + room));
    if (count === null) return false;
    if (this.#filled === 0) this.#firstMs = performance.now();
    this.#filled += count;
    onArrived?.(count);
    const isRoom = this.#filled < buffer.length && this.#at + this.#filled < this.#to;
    return isRoom && performance.now() - this.#firstMs < WRITE_AFTER_MS;
  }

  async #flush(): Promise<void> {
    const { buffer, write, onWritten } = this.#options;
    const count = this.#isCut ? 0 : Math.min(this.#filled, this.#to - this.#at);
    this.#filled = 0;
    if (count <= 0) return;
    try {
      await write(buffer.subarray(0, count), this.#at);
    } catch (problem) {
      this.#unwritable = { problem };
      throw problem;
    }
    this.#at += count;
    onWritten?.(count);
  }
}
