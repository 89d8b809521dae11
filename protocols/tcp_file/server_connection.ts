import type { Arrival, ServedStream } from "../../net/tcp_listener.ts";
import { Turns } from "../../store/turns.ts";
import { answer, answerAtOnce, type AnswerSources, BrokenAnswerError, type FileProblem } from "./answers.ts";
import { BLOCK_BYTES } from "./blocks.ts";
import { Outbox, type OutboxOptions } from "./outbox.ts";
import type { FoundFile } from "../../store/found_files.ts";
import { type ServedClient, ServingSession } from "./serving.ts";
import type { CloseCause, ServingAction, ServingOptions } from "./serving_action.ts";

/** A file, or a part of one, that a connection was given; files of one block at most are not told one by one. */
export interface ServedEvent {
  readonly type: "served";
  readonly address: string;
  readonly path: string;
  /** Bytes of it that were asked for. */
  readonly bytes: number;
  /** From the first request for it to the end of the last answer. */
  readonly seconds: number;
}

/** How a connection went. */
export interface ClosedEvent {
  readonly type: "closed";
  readonly address: string;
  /** "unknown": it has asked for nothing. */
  readonly client: ServedClient;
  /** How many times it turned to a file. */
  readonly files: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly cause: CloseCause | "slow" | "lost" | "crowded" | "changed";
  readonly reason: string;
}

/** What is told of a connection. */
export type ConnectionEvent = ServedEvent | ClosedEvent | (FileProblem & { readonly address: string });

/** Options of {@linkcode ServerConnection}. */
export interface ServerConnectionOptions extends OutboxOptions, Pick<AnswerSources, "catalogue" | "files"> {
  readonly session: Omit<ServingOptions, "nowMs">;
  readonly onEvent: (event: ConnectionEvent) => void;
}

/** A read under way; `null`: the client has ended. */
interface Reading {
  readonly target: Uint8Array;
  outcome?: number | null;
  readonly done: Promise<void>;
}

/** How long a client may take to read next to nothing of an answer, in milliseconds. */
const SLOW_MS = 30_000;
/** How long a connection is kept that was closed for writing, in milliseconds. */
const LINGER_MS = 1_000;

/** One connection of a server. It has at most one answer, one read and one write under way. */
export class ServerConnection {
  readonly #arrival: Arrival;
  readonly #options: ServerConnectionOptions;
  readonly #session: ServingSession;
  readonly #startedMs = performance.now();
  #stream: ServedStream | undefined;
  #out: Outbox | undefined;
  #reading: Reading | undefined;
  /** Ends the wait for bytes. */
  #wake = () => {};
  /** The file that was asked for last. */
  #file:
    | { readonly path: string; readonly startedMs: number; endMs: number; bytes: number; size: number }
    | undefined;
  #files = 0;
  #idleSinceMs: number | undefined;
  #end: Pick<ClosedEvent, "cause" | "reason"> | undefined;

  constructor(arrival: Arrival, options: ServerConnectionOptions) {
    this.#arrival = arrival;
    this.#options = options;
    this.#session = new ServingSession({ ...options.session, nowMs: this.#startedMs });
  }

  /** The peer's IP address. */
  get address(): string {
    return this.#arrival.address;
  }

  /** Whether it is being served; else it has yet to say what it wants, and to show that it may. */
  get isAdmitted(): boolean {
    return this.#session.isAdmitted;
  }

  /** Since when it has nothing to do; `undefined`: something is being sent. */
  get idleSinceMs(): number | undefined {
    return this.#idleSinceMs;
  }

  /** Serves the client to its end. Never rejects. */
  async serve(): Promise<void> {
    try {
      const stream = this.#stream = await this.#arrival.stream;
      const out = this.#out = new Outbox(stream, this.#options);
      await this.#exchange(stream, out);
      await this.#linger(stream);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#end ??= { cause: error instanceof BrokenAnswerError ? "changed" : "lost", reason };
    } finally {
      this.#out?.release();
      this.#arrival.close();
      this.#stream?.close();
      this.#tellOfEnd();
    }
  }

  /** Ends it if the client does not read what it asked for. To be called now and then. */
  checkPace(nowMs: number): void {
    if ((this.#out?.blockedMs(nowMs) ?? 0) < SLOW_MS) return;
    this.terminate("slow", `the client reads next to nothing for ${SLOW_MS / 1000} s`);
  }

  /** Answers what is being answered, takes nothing more, and ends. */
  leave(): void {
    if (this.#stream === undefined) return this.terminate("leaving", "the server stops");
    this.#session.leave();
    this.#wake();
  }

  /** Ends it at once. */
  terminate(cause: ClosedEvent["cause"], reason: string): void {
    this.#end ??= { cause, reason };
    this.#arrival.close();
    this.#stream?.close();
    this.#wake();
  }

  async #exchange(stream: ServedStream, out: Outbox): Promise<void> {
    // Requests for what is not there cost no write for long.
    const turns = new Turns();
    const sources = this.#sources();
    while (true) {
      for (let action = this.#next(); action !== undefined; action = this.#next()) {
        if (action.type === "close") {
          this.#end ??= action;
          return await out.flush();
        }
        if (action.type === "send") await out.append(action.bytes);
        else if (!answerAtOnce(action, out, sources)) await answer(action, out, sources);
        if (turns.isOver) await turns.next();
      }
      await out.flush();
      out.release();
      const nowMs = performance.now();
      this.#session.answered(nowMs);
      if (this.#file !== undefined) this.#file.endMs = nowMs;
      this.#idleSinceMs = nowMs;
      await this.#read(stream);
      this.#idleSinceMs = undefined;
    }
  }

  /** @throws {Error} It was terminated. */
  #checkOpen(): void {
    if (this.#end !== undefined) throw new Error(this.#end.reason);
  }

  #next(): ServingAction | undefined {
    this.#checkOpen();
    return this.#session.next(performance.now());
  }

  #sources(): AnswerSources {
    const { catalogue, files, onEvent } = this.#options;
    return {
      catalogue,
      files,
      onFile: (file, bytes) => this.#turnTo(file, bytes),
      onProblem: (problem) => onEvent({ ...problem, address: this.address }),
      checkOpen: () => this.#checkOpen(),
    };
  }

  /** Waits for bytes, or until the session is due. */
  async #read(stream: ServedStream): Promise<void> {
    const { wakeAtMs } = this.#session;
    // It was told to leave while the last answer was sent.
    if (wakeAtMs === undefined) return;
    const reading = this.#reading ??= this.#startReading(stream);
    if (reading.outcome === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, Math.max(0, wakeAtMs - performance.now()));
      await promise;
      clearTimeout(timer);
    }
    const { target, outcome } = reading;
    if (outcome === undefined) return;
    this.#reading = undefined;
    if (outcome === null) return this.#session.ended();
    // While it was under way the session may have moved on, to read somewhere else.
    const space = this.#session.space();
    const isThere = space.buffer === target.buffer && space.byteOffset === target.byteOffset;
    if (!isThere) space.set(target.subarray(0, outcome));
    this.#session.filled(outcome, performance.now());
  }

  #startReading(stream: ServedStream): Reading {
    const target = this.#session.space();
    const settle = (outcome: number | null) => {
      reading.outcome = outcome;
      this.#wake();
    };
    // A client that is lost has ended, too; what was to be sent to it will fail.
    const done = stream.read(target).then(settle, () => settle(null));
    const reading: Reading = { target, done };
    return reading;
  }

  /** Lets the client read what was sent: a socket that is closed with unread bytes takes that back. */
  async #linger(stream: ServedStream): Promise<void> {
    const timer = setTimeout(() => stream.close(), LINGER_MS);
    try {
      await stream.end();
      await this.#reading?.done;
      if (this.#reading?.outcome === null) return;
      const dropped = new Uint8Array(4096);
      while (await stream.read(dropped) !== null);
    } catch {
      // The client did not wait for it.
    } finally {
      clearTimeout(timer);
    }
  }

  #turnTo({ path, version: { size } }: FoundFile, bytes: number): void {
    const nowMs = performance.now();
    if (this.#file?.path !== path) {
      if (this.#file !== undefined) this.#file.endMs = nowMs;
      this.#tellOfFile();
      this.#files++;
      this.#file = { path, startedMs: nowMs, endMs: nowMs, bytes: 0, size };
    }
    this.#file.size = size;
    this.#file.bytes += bytes;
  }

  #tellOfFile(): void {
    if (this.#file === undefined || this.#file.size <= BLOCK_BYTES) return;
    const { path, startedMs, endMs, bytes } = this.#file;
    const seconds = (endMs - startedMs) / 1000;
    this.#options.onEvent({ type: "served", address: this.address, path, bytes, seconds });
  }

  #tellOfEnd(): void {
    this.#tellOfFile();
    this.#options.onEvent({
      type: "closed",
      address: this.address,
      client: this.#session.client,
      files: this.#files,
      bytes: this.#out?.sentBytes ?? 0,
      seconds: (performance.now() - this.#startedMs) / 1000,
      cause: this.#end?.cause ?? "lost",
      reason: this.#end?.reason ?? "",
    });
  }
}
