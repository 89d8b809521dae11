import { explainTlsProblem } from "../../net/tls_problem.ts";
import type { Trust } from "../../net/trust.ts";
import { upgradeProblem } from "../../net/upgrade_problem.ts";
import { parseServerMessage } from "./server_messages.ts";
import { type SenderAction, type SenderEvent, type SenderState, UploadSender, type Wish } from "./sender.ts";
import type { SourceFile } from "./source_file.ts";

/** Options of {@linkcode startUpload}. */
export interface UploadOptions {
  /** WebSocket URL of the server. */
  readonly url: string;
  readonly source: SourceFile;
  readonly fileId: string;
  readonly fileName: string;
  /** Bytes of the file in one message. */
  readonly chunkBytes: number;
  /** Presented to the server as `Authorization: Bearer`. */
  readonly token?: string | undefined;
  /** Whom a `wss:` server's certificate may be issued by, besides those the system trusts. */
  readonly trust?: Trust | undefined;
  /** Called when something about the upload has changed. */
  readonly onChange?: (upload: Upload) => void;
}

/** An upload under way. */
export interface Upload {
  readonly state: SenderState;
  /** Bytes that the server says it has. */
  readonly acknowledged: number;
  /** Asks for a pause, its end, or the end of the upload. */
  wish(wish: Wish): void;
  /** Settles when the upload has ended, however it did; never rejects. */
  readonly ended: Promise<void>;
}

/** How long the server is given to close its side of a connection that is no longer needed. */
const GOODBYE_MS = 1_000;

/** Sends a file to a plain upload server, over as many connections as it takes. */
export function startUpload(options: UploadOptions): Upload {
  const { source, onChange = () => {} } = options;
  const sender = new UploadSender({ ...options, fileSize: source.size, random: Math.random });
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  let link: Link | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** The chunk that is most likely next, read while the one before it is under way. */
  let ahead: { readonly offset: number; readonly base64: Promise<string> } | undefined;

  const upload: Upload = {
    get state() {
      return sender.state;
    },
    get acknowledged() {
      return sender.acknowledged;
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
    if (sender.ended) void Promise.allSettled([link?.closed, ahead?.base64]).then(() => end());
  }

  function perform(action: SenderAction): void {
    switch (action.type) {
      case "connect":
        link = connect(options, dispatch);
        return;
      case "disconnect":
        link?.drop();
        return;
      case "send":
        link?.send(action.text);
        return;
      case "read":
        void read(action.offset, action.length);
    }
  }

  async function read(offset: number, length: number): Promise<void> {
    try {
      // One read at a time, also when the guess was wrong: the source has one file position.
      const guessed = await ahead?.base64;
      const base64 = ahead?.offset === offset && guessed !== undefined ? guessed : await load(offset, length);
      ahead = undefined;
      dispatch({ type: "chunk", offset, base64 });
      readAhead(offset + length);
    } catch (error) {
      dispatch({ type: "unreadable", reason: error instanceof Error ? error.message : String(error) });
    }
  }

  function readAhead(offset: number): void {
    if (sender.ended || offset >= source.size) return;
    const base64 = load(offset, Math.min(options.chunkBytes, source.size - offset));
    // Who asks for it learns of a failure; who does not, does not need to.
    base64.catch(() => {});
    ahead = { offset, base64 };
  }

  async function load(offset: number, length: number): Promise<string> {
    return (await source.read(offset, length)).toBase64();
  }

  // Not at once: the caller does not have the upload yet that `onChange` is about.
  queueMicrotask(() => dispatch({ type: "tick" }));
  return upload;
}

/** One connection to the server; silent once dropped. */
interface Link {
  send(text: string): void;
  drop(): void;
  readonly closed: Promise<void>;
}

function connect(
  { url, token, trust }: UploadOptions,
  dispatch: (event: SenderEvent) => void,
): Link {
  const socket = new WebSocket(url, {
    ...(token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } }),
    ...(trust === undefined ? {} : { client: trust.client }),
  });
  const dropped = new AbortController();
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  let tell: (event: SenderEvent) => void = dispatch;
  let problem: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  socket.onopen = () => tell({ type: "open" });
  socket.onmessage = ({ data }) => {
    const message = typeof data === "string" ? parseServerMessage(data) : undefined;
    if (message !== undefined) tell({ type: "message", message });
  };
  socket.onerror = (event) => {
    problem = event instanceof ErrorEvent ? event.message : undefined;
  };
  socket.onclose = async ({ code, reason }) => {
    clearTimeout(timer);
    if (problem !== undefined && url.startsWith("wss:") && !/tcp connect error|dns error/.test(problem)) {
      const { signal } = dropped;
      problem = await upgradeProblem(url, { token, caCerts: trust?.caCerts ?? [], signal }) ?? problem;
    }
    resolve();
    tell({ type: "close", ...explainClose({ url, code, reason, problem }) });
  };
  return {
    send: (text) => socket.send(text),
    drop() {
      tell = () => {};
      dropped.abort();
      if (socket.readyState === WebSocket.CLOSED) return;
      socket.close();
      timer = setTimeout(resolve, GOODBYE_MS);
    },
    closed,
  };
}

function explainClose(
  close: {
    readonly url: string;
    readonly code: number;
    readonly reason: string;
    readonly problem: string | undefined;
  },
): { readonly reason: string; readonly isFinal: boolean } {
  const { url, code, reason, problem = "" } = close;
  const status = /status code: (\d{3})/.exec(problem)?.[1];
  switch (status) {
    case undefined:
      break;
    case "401":
      return {
        reason: "The server asks for a token (--token or TRANSFER_TOKEN), or for another one",
        isFinal: true,
      };
    case "403":
      return { reason: "The server refuses this client (403)", isFinal: true };
    default:
      // A proxy whose server is away for a moment answers 502, 503 or 504.
      return { reason: `The server answered ${status}`, isFinal: status.startsWith("4") };
  }
  const tlsProblem = explainTlsProblem(problem);
  if (tlsProblem !== undefined) return { reason: tlsProblem, isFinal: true };
  if (problem !== "") {
    const cause = problem.replace(/^NetworkError: failed to connect to WebSocket: /, "");
    return {
      reason: `Can't connect to ${new URL(url).host}, is the server running? (${cause})`,
      isFinal: false,
    };
  }
  return { reason: reason === "" ? `The connection was closed (${code})` : reason, isFinal: false };
}
