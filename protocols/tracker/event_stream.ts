import type { DuplexBytes } from "../../net/byte_stream.ts";
import { ReceiveMemory } from "../../net/receive_memory.ts";
import { WebSocketConnection } from "../../net/web_socket.ts";
import { type EventSource, follow } from "./backlog.ts";
import type { Subscription } from "./feed.ts";
import { MAX_UNREAD_BYTES } from "./limits.ts";

/** Options of {@linkcode EventStreams}. */
export interface EventStreamsOptions {
  readonly source: EventSource;
  /** How often readers are told that the server is there, in milliseconds. */
  readonly heartbeatMs: number;
  /** A reader left too much unread. */
  readonly onCut: () => void;
}

/** Who reads what, and from where on. */
export interface Following extends Subscription {
  readonly since: number | undefined;
  /** Looked at with every heartbeat; what may not be read any more ends. */
  readonly isAllowed: () => boolean;
}

interface OpenStream {
  readonly beat: () => void;
  readonly end: () => void;
}

/** What an event that waits costs besides its bytes, which all readers share. */
const EVENT_COST_BYTES = 16;
/** Below this a reader that catches up is given the next page, in bytes. */
const LOW_BYTES = 128 * 1024;
/** Most bytes of one write; what waits is joined up to it. */
const WRITE_BYTES = 32 * 1024;
/** From so many readers on they are told what happened every `GATHER_MS` milliseconds. */
const MANY = 250;
const GATHER_MS = 20;
const HEARTBEAT = new TextEncoder().encode(":\n\n");
/** Readers of `/ws` send nothing but closes and pongs. */
const WS_BYTES = 4096;

/** All readers of `/events` and `/ws`. */
export class EventStreams {
  readonly #options: EventStreamsOptions;
  readonly #open = new Set<OpenStream>();
  readonly #starts: (() => void)[] = [];
  #gathering: ReturnType<typeof setTimeout> | undefined;
  readonly #timer: ReturnType<typeof setInterval>;
  /** For what readers of `/ws` send, which is next to nothing. */
  readonly #memory = new ReceiveMemory(4 * 1024 * 1024);

  constructor(options: EventStreamsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => {
      for (const stream of this.#open) stream.beat();
    }, options.heartbeatMs);
  }

  get count(): number {
    return this.#open.size;
  }

  /** Sends server-sent events until the reader is gone, or was cut off. */
  async serveSse(stream: DuplexBytes, following: Following): Promise<void> {
    const { onCut } = this.#options;
    const writer = new SseWriter(stream, { onCut, schedule: (start) => this.#schedule(start) });
    const unfollow = follow(this.#options.source, {
      ...following,
      send: (event) => writer.send(event.sse),
      drained: () => writer.drained(),
      isGone: () => writer.isOver,
    });
    const open = {
      beat: () => following.isAllowed() ? writer.send(HEARTBEAT) : stream.close(),
      end: () => writer.end(),
    };
    this.#open.add(open);
    try {
      // Nothing is to come; that the reader is gone does.
      const dropped = new Uint8Array(64);
      while (await stream.read(dropped) !== null);
      await writer.written();
    } catch {
      // It was reset, or cut off.
    } finally {
      this.#open.delete(open);
      unfollow();
      writer.stop();
    }
  }

  /** The same over a WebSocket whose handshake is done. */
  async serveWebSocket(stream: DuplexBytes, following: Following): Promise<void> {
    const socket = new WebSocketConnection(stream, {
      role: "server",
      maxMessageBytes: WS_BYTES,
      maxReadBytes: WS_BYTES,
      memory: this.#memory,
      maxUnsentBytes: MAX_UNREAD_BYTES,
    });
    const unfollow = follow(this.#options.source, {
      ...following,
      send: (event) => {
        const wasOpen = socket.isOpen;
        socket.send(event.text);
        if (wasOpen && !socket.isOpen) this.#options.onCut();
      },
      drained: () => socket.unsentBelow(LOW_BYTES),
      isGone: () => !socket.isOpen,
    });
    const open = {
      beat: () => following.isAllowed() ? socket.ping() : socket.close(1008, "Not allowed any more"),
      end: () => socket.close(1001, "Server is stopping"),
    };
    this.#open.add(open);
    try {
      while (await socket.receive() !== undefined);
    } finally {
      this.#open.delete(open);
      unfollow();
    }
  }

  /**
   * Has a reader written to: at once when there are few, so that all that one commit tells is one write; with
   * many every so often, as a write costs more than what it carries.
   */
  #schedule(start: () => void): void {
    if (this.#open.size < MANY) return queueMicrotask(start);
    this.#starts.push(start);
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      for (const each of this.#starts.splice(0)) each();
    }, GATHER_MS);
  }

  /** Ends all of them, each after what it was told. */
  close(): void {
    clearInterval(this.#timer);
    for (const stream of this.#open) stream.end();
  }
}

/** Writes events to one reader, as fast as it reads; what waits is bounded. */
class SseWriter {
  readonly #stream: DuplexBytes;
  readonly #onCut: () => void;
  readonly #schedule: (start: () => void) => void;
  #waiting: Uint8Array[] = [];
  #unreadBytes = 0;
  #writingBytes = 0;
  #state: "idle" | "writing" = "idle";
  #isOver = false;
  #onDrained = () => {};
  #onAllWritten = () => {};
  readonly #start = () => {
    if (this.#waiting.length > 0) this.#writeNext();
    else this.#rest();
  };
  readonly #onWritten = () => {
    this.#unreadBytes -= this.#writingBytes;
    if (this.#unreadBytes <= LOW_BYTES) this.#onDrained();
    this.#start();
  };
  /** The reader is gone, which the read tells as well. */
  readonly #onGone = () => {
    this.stop();
    this.#rest();
  };

  constructor(
    stream: DuplexBytes,
    { onCut, schedule }: { readonly onCut: () => void; readonly schedule: (start: () => void) => void },
  ) {
    this.#stream = stream;
    this.#onCut = onCut;
    this.#schedule = schedule;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  send(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#unreadBytes += bytes.length + EVENT_COST_BYTES;
    if (this.#unreadBytes > MAX_UNREAD_BYTES) {
      this.#onCut();
      this.stop();
      return this.#stream.close();
    }
    this.#waiting.push(bytes);
    if (this.#state === "writing") return;
    this.#state = "writing";
    this.#schedule(this.#start);
  }

  /** Settles once the reader has room for more, or is gone. */
  drained(): Promise<void> {
    if (this.#isOver || this.#unreadBytes <= LOW_BYTES) return Promise.resolve();
    return new Promise((resolve) => this.#onDrained = resolve);
  }

  /** Settles when nothing is left to write. */
  written(): Promise<void> {
    if (this.#state === "idle") return Promise.resolve();
    return new Promise((resolve) => this.#onAllWritten = resolve);
  }

  /** Writes what waits, and nothing after it. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    void this.written().then(() => this.#stream.end()).catch(() => {}).finally(() => this.#stream.close());
  }

  /** Drops what waits. */
  stop(): void {
    this.#isOver = true;
    this.#waiting = [];
    this.#onDrained();
  }

  #rest(): void {
    this.#state = "idle";
    this.#onAllWritten();
  }

  /**
   * Writes what waits. Not an `async` function: with thousands of readers the frames and promises of one, which
   * live as long as a write, become a large part of the memory.
   */
  #writeNext(): void {
    const { bytes, count } = joined(this.#waiting);
    this.#waiting.splice(0, count);
    this.#writingBytes = bytes.length + count * EVENT_COST_BYTES;
    this.#stream.write(bytes).then(this.#onWritten, this.#onGone);
  }
}

/** Pieces that were joined. */
interface Joined {
  readonly bytes: Uint8Array;
  readonly pieces: readonly Uint8Array[];
}

/** The last ones: readers of one channel mostly wait for the same, and then share the copy. */
let lastJoined: Joined = { bytes: new Uint8Array(0), pieces: [] };

/** The first few pieces as one. */
function joined(waiting: readonly Uint8Array[]): { readonly bytes: Uint8Array; readonly count: number } {
  let length = waiting[0]?.length ?? 0;
  let count = 1;
  for (; count < waiting.length; count++) {
    const next = waiting[count]?.length ?? 0;
    if (length + next > WRITE_BYTES) break;
    length += next;
  }
  const [only] = waiting;
  if (count === 1 && only !== undefined) return { bytes: only, count };
  const isSame = lastJoined.pieces.length === count &&
    lastJoined.pieces.every((piece, i) => piece === waiting[i]);
  if (isSame) return { bytes: lastJoined.bytes, count };
  const bytes = new Uint8Array(length);
  const pieces = waiting.slice(0, count);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  lastJoined = { bytes, pieces };
  return { bytes, count };
}
