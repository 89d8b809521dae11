import type { IncomingMessage, ServerResponse } from "node:http";

/** One event, as the HTML standard's event streams write it. */
export interface StreamEvent {
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
}

/** Options of {@linkcode EventStreams}. */
export interface EventStreamsOptions {
  /** What a new reader gets first: what it missed since `lastEventId`, or all that there is. */
  readonly greet: (lastEventId: string | undefined) => readonly StreamEvent[];
  /** Most readers at a time. */
  readonly maxReaders: number;
  /** A comment is sent this often, in milliseconds, so that nobody takes a quiet stream for a dead one. */
  readonly heartbeatMs: number;
}

/** A reader that lets this many bytes pile up does not read, and is dropped. */
const UNREAD_BYTES = 1024 * 1024;
/** When a reader that lost its stream is to come back, in milliseconds. */
const RETRY_MS = 3_000;

/** Server-sent events: one stream of them to any number of readers. */
export class EventStreams {
  readonly #options: EventStreamsOptions;
  readonly #readers = new Set<ServerResponse>();
  #heartbeat: ReturnType<typeof setInterval> | undefined;

  constructor(options: EventStreamsOptions) {
    this.#options = options;
  }

  /** Readers at this moment. */
  get readers(): number {
    return this.#readers.size;
  }

  /**
   * Makes a request a reader.
   *
   * @returns Whether there is room for one more; if not, nothing was answered.
   */
  add(
    { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
  ): boolean {
    const { greet, maxReaders, heartbeatMs } = this.#options;
    if (this.#readers.size >= maxReaders) return false;
    response.writeHead(200, {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      // Its end is the connection's end, so that a server that stops waits for nobody.
      "Connection": "close",
      // nginx would hold the events back until its buffer is full.
      "X-Accel-Buffering": "no",
    });
    if (request.method === "HEAD") {
      response.end();
      return true;
    }
    const lastEventId = request.headers["last-event-id"];
    const greeting = greet(typeof lastEventId === "string" ? lastEventId : undefined);
    this.#readers.add(response);
    response.on("close", () => this.#forget(response));
    response.on("error", () => {});
    response.write(`retry: ${RETRY_MS}\n\n${greeting.map(encode).join("")}`);
    this.#heartbeat ??= setInterval(() => this.#write(":\n\n"), heartbeatMs);
    return true;
  }

  /** Sends events to all readers. */
  send(events: readonly StreamEvent[]): void {
    if (events.length > 0) this.#write(events.map(encode).join(""));
  }

  /** Ends all streams, each after what was sent to it. */
  close(): void {
    for (const reader of this.#readers) {
      reader.end();
      this.#forget(reader);
    }
  }

  #write(text: string): void {
    for (const reader of this.#readers) {
      // Before it gets more, so that a long greeting alone drops nobody.
      if (reader.writableLength > UNREAD_BYTES) reader.destroy();
      else reader.write(text);
    }
  }

  #forget(reader: ServerResponse): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
  }
}

function encode({ id, type, data }: StreamEvent): string {
  // JSON has no line ends outside of its strings, and none inside.
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}
