import { crc32 } from "node:zlib";
import { encodeFrameInPlace, FRAME_HEADER_BYTES } from "./frames.ts";
import { type Link, type LinkTarget, openLink } from "./link.ts";
import { UploadSender } from "./sender.ts";
import type { SenderAction, SenderEvent, SenderState, Wish } from "./sender_state.ts";
import type { UploadSource } from "./source_file.ts";
import { type SourceRange, SourceReader } from "./source_reader.ts";

/** Options of {@linkcode startUpload}. */
export interface UploadOptions extends LinkTarget {
  readonly source: UploadSource;
  readonly fileId: string;
  readonly fileName: string;
  /** Bytes of the file in one message to a plain server. */
  readonly chunkBytes: number;
  /** Owns the upload on a server that speaks the extension: 128 random bits in base64url. */
  readonly resumeToken?: string | undefined;
  /** The most that is under way to such a server, in bytes. */
  readonly maxWindowBytes?: number | undefined;
  /**
   * How long to go on without ever having reached the server, in milliseconds.
   *
   * @default 5000
   */
  readonly unreachableMs?: number;
  /** Called when something about the upload has changed. */
  readonly onChange?: (upload: Upload) => void;
}

/** An upload under way. */
export interface Upload {
  readonly state: SenderState;
  /** Bytes that the server says it has. */
  readonly acknowledged: number;
  /** Bytes that, it says, a loss of power can't take. */
  readonly durable: number;
  /** Asks for a pause, its end, or the end of the upload. */
  wish(wish: Wish): void;
  /** Settles when the upload has ended, however it did; never rejects. */
  readonly ended: Promise<void>;
}

/** Sends a file to an upload server, over as many connections as it takes. */
export function startUpload(options: UploadOptions): Upload {
  const upload = new FileUpload(options);
  // Not at once: the caller does not have the upload yet that `onChange` is about.
  queueMicrotask(() => upload.start());
  return upload;
}

/** The shell of one upload: carries what happens to its sender, and does what that answers. */
class FileUpload implements Upload {
  readonly ended: Promise<void>;
  readonly #options: UploadOptions;
  readonly #sender: UploadSender;
  readonly #reader: SourceReader;
  readonly #end = Promise.withResolvers<void>();
  #link: Link | undefined;
  #alarm: ReturnType<typeof setTimeout> | undefined;
  /** When it goes off, on the clock of `performance.now`. */
  #alarmAtMs = Infinity;

  constructor(options: UploadOptions) {
    const { source, chunkBytes } = options;
    this.ended = this.#end.promise;
    this.#options = options;
    this.#sender = new UploadSender({
      ...options,
      fileSize: source.size,
      mtimeMs: source.mtimeMs,
      random: Math.random,
    });
    this.#reader = new SourceReader(source, chunkBytes);
  }

  get state(): SenderState {
    return this.#sender.state;
  }

  get acknowledged(): number {
    return this.#sender.acknowledged;
  }

  get durable(): number {
    return this.#sender.durable;
  }

  wish(wish: Wish): void {
    if (wish !== this.#sender.wish) this.#dispatch({ type: "wish", wish });
  }

  start(): void {
    this.#dispatch({ type: "tick" });
  }

  #dispatch(event: SenderEvent): void {
    const sender = this.#sender;
    const { source, onChange } = this.#options;
    if (sender.ended) return;
    for (const action of sender.handle(event, performance.now())) this.#perform(action);
    this.#setAlarm();
    onChange?.(this);
    if (!sender.ended) return;
    if (sender.state.kind !== "done") source.stop?.();
    void Promise.allSettled([this.#link?.closed, this.#reader.idle()]).then(() => this.#end.resolve());
  }

  /**
   * Sees to a tick when the sender wants one, or earlier, which does nothing but to set the next alarm: each event
   * puts it off, and a timer for each of them is dear.
   */
  #setAlarm(): void {
    const { wakeAtMs = Infinity, ended } = this.#sender;
    if (ended) return clearTimeout(this.#alarm);
    if (wakeAtMs >= this.#alarmAtMs) return;
    clearTimeout(this.#alarm);
    this.#alarmAtMs = wakeAtMs;
    this.#alarm = setTimeout(() => {
      this.#alarmAtMs = Infinity;
      this.#dispatch({ type: "tick" });
    }, Math.max(0, wakeAtMs - performance.now()));
  }

  #perform(action: SenderAction): void {
    switch (action.type) {
      case "connect":
        this.#link = openLink(this.#options, (event) => this.#dispatch(event));
        return;
      case "disconnect":
        this.#link?.drop();
        return;
      case "send":
        this.#link?.send(action.text);
        return;
      case "frame":
        this.#link?.sendPrepared(encodeFrameInPlace(action, action.bytes, crc32(action.bytes)));
        return;
      case "read":
        return void this.#answer(() => this.#reader.chunk(action));
      case "read-bytes":
        return void this.#answer(() => this.#readBytes(action));
      case "digest":
        return void this.#answer(() => this.#reader.digest(action.length));
    }
  }

  /** Reads to where the bytes are sent from. */
  async #readBytes({ offset, length }: SourceRange): Promise<SenderEvent> {
    await this.#link?.ready();
    const frameBytes = FRAME_HEADER_BYTES + length;
    const frame = this.#link?.prepare(frameBytes) ?? new Uint8Array(frameBytes);
    return await this.#reader.bytes(offset, frame.subarray(FRAME_HEADER_BYTES));
  }

  async #answer(task: () => Promise<SenderEvent>): Promise<void> {
    try {
      this.#dispatch(await task());
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#dispatch({ type: "unreadable", reason });
    }
  }
}
