import { crc32 } from "node:zlib";
import { encodeHeader } from "./frames.ts";
import { type Link, type LinkTarget, openLink } from "./link.ts";
import { UploadSender } from "./sender.ts";
import type { SenderAction, SenderEvent, SenderState, Wish } from "./sender_state.ts";
import type { UploadSource } from "./source_file.ts";

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

/** Sends a file to a plain upload server, over as many connections as it takes. */
export function startUpload(options: UploadOptions): Upload {
  const { source, onChange = () => {} } = options;
  const sender = new UploadSender({
    ...options,
    fileSize: source.size,
    mtimeMs: source.mtimeMs,
    random: Math.random,
  });
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  let link: Link | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** The last read or digest under way: one at a time, as the source has one file position. */
  let using: Promise<unknown> = Promise.resolve();
  /** The chunk that is most likely next for a plain server, read while the one before it is under way. */
  let ahead: { readonly offset: number; readonly base64: Promise<string> } | undefined;

  const upload: Upload = {
    get state() {
      return sender.state;
    },
    get acknowledged() {
      return sender.acknowledged;
    },
    get durable() {
      return sender.durable;
    },
    wish(wish) {
      if (wish !== sender.wish) dispatch({ type: "wish", wish });
    },
    ended,
  };

  function dispatch(event: SenderEvent): void {
    if (sender.ended) return;
    for (const action of sender.handle(event, performance.now())) perform(action);
    clearTimeout(timer);
    const { wakeAtMs } = sender;
    if (wakeAtMs !== undefined) {
      timer = setTimeout(() => dispatch({ type: "tick" }), Math.max(0, wakeAtMs - performance.now()));
    }
    onChange(upload);
    if (sender.ended && sender.state.kind !== "done") source.stop?.();
    if (sender.ended) void Promise.allSettled([link?.closed, using]).then(() => end());
  }

  function perform(action: SenderAction): void {
    switch (action.type) {
      case "connect":
        link = openLink(options, dispatch);
        return;
      case "disconnect":
        link?.drop();
        return;
      case "send":
        link?.send(action.text);
        return;
      case "frame":
        link?.sendBytes(encodeHeader(action, action.bytes, crc32), action.bytes);
        return;
      case "read":
        return void answer(() => readBase64(action));
      case "read-bytes":
        return void answer(() => readBytes(action));
      case "digest":
        return void answer(async () => {
          const sha256 = await inTurn(() => source.digest(action.length));
          return { type: "digest", length: action.length, sha256 };
        });
    }
  }

  async function answer(task: () => Promise<SenderEvent>): Promise<void> {
    try {
      dispatch(await task());
    } catch (error) {
      dispatch({ type: "unreadable", reason: error instanceof Error ? error.message : String(error) });
    }
  }

  async function readBytes({ offset, length }: Range): Promise<SenderEvent> {
    await link?.ready();
    const bytes = await inTurn(() => source.read(offset, length));
    return { type: "bytes", offset, bytes, isLast: source.size === offset + bytes.length };
  }

  async function readBase64({ offset, length }: Range): Promise<SenderEvent> {
    const base64 = await (ahead?.offset === offset ? ahead.base64 : load({ offset, length }));
    const next = {
      offset: offset + length,
      length: Math.min(options.chunkBytes, (source.size ?? 0) - offset - length),
    };
    ahead = undefined;
    if (next.length > 0) {
      ahead = { offset: next.offset, base64: load(next) };
      // Who asks for it learns of a failure; who does not, does not need to.
      ahead.base64.catch(() => {});
    }
    return { type: "chunk", offset, base64 };
  }

  async function load({ offset, length }: Range): Promise<string> {
    return (await inTurn(() => source.read(offset, length))).toBase64();
  }

  function inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = using.then(task);
    using = turn.catch(() => {});
    return turn;
  }

  // Not at once: the caller does not have the upload yet that `onChange` is about.
  queueMicrotask(() => dispatch({ type: "tick" }));
  return upload;
}

/** Bytes of the file: [offset, offset + length). */
interface Range {
  readonly offset: number;
  readonly length: number;
}
