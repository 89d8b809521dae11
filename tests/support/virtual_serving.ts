import { assertEquals } from "@std/assert";
import { FrameReader } from "../../protocols/tcp_file/frame_reader.ts";
import { encodeFrame, FRAME, type FrameType } from "../../protocols/tcp_file/frames.ts";
import { encodeHello, GreetingReader } from "../../protocols/tcp_file/hello.ts";
import { decodeError, encodeGet } from "../../protocols/tcp_file/messages.ts";
import { ServingSession } from "../../protocols/tcp_file/serving.ts";
import type { ServingAction } from "../../protocols/tcp_file/serving_action.ts";
import { pseudoRandomBytes } from "./bytes.ts";

/** UTF-8 of a text. */
export const text = (value: string) => new TextEncoder().encode(value);
/** The nonces, list and hello of every connection. */
export const NONCES = { client: pseudoRandomBytes(16, 3), server: pseudoRandomBytes(16, 4) };
export const LIST = text("a.txt 1.000KB\n");
export const HELLO = encodeHello(NONCES.client);

/** A connection in virtual time, and all that its core has answered. */
export class Connection {
  readonly session: ServingSession;
  nowMs = 0;

  constructor(token?: string) {
    this.session = new ServingSession({ nowMs: 0, nonce: NONCES.server, token, plainList: LIST });
  }

  /** What the core has to say now, as text that can be compared. */
  told(): string[] {
    return this.actions().map(told);
  }

  actions(): ServingAction[] {
    const seen: ServingAction[] = [];
    for (let action = this.next(); action !== undefined; action = this.next()) seen.push(action);
    this.session.answered(this.nowMs);
    return seen;
  }

  next(): ServingAction | undefined {
    return this.session.next(this.nowMs);
  }

  /** Gives it bytes, as many at a time as it has room for. */
  send(bytes: Uint8Array): string[] {
    const seen: string[] = [];
    for (let at = 0; at < bytes.length;) {
      const space = this.session.space();
      const count = Math.min(space.length, bytes.length - at);
      if (count === 0) break;
      space.set(bytes.subarray(at, at + count));
      this.session.filled(count, this.nowMs);
      at += count;
      seen.push(...this.told());
    }
    return seen;
  }

  end(): string[] {
    this.session.ended();
    return this.told();
  }

  /** Goes to when the core wants to be woken. */
  wake(): string[] {
    this.nowMs = this.session.wakeAtMs ?? Infinity;
    return this.told();
  }
}

function told(action: ServingAction): string {
  switch (action.type) {
    case "send":
      return `send ${describe(action.bytes)}`;
    case "list":
      return `list ${action.request} "${action.path}"`;
    case "get":
      return `get ${action.request} ${action.path} ${action.offset}+${action.length}`;
    case "root":
      return `root ${action.request} ${action.path} ${action.digest}`;
    case "plain":
      return `plain ${JSON.stringify(action.asked)}`;
    case "close":
      return `close ${action.cause}`;
  }
}

/** Bytes that are sent: a greeting, frames, or a plain text. */
function describe(bytes: Uint8Array): string {
  if (new GreetingReader(NONCES.client).add(bytes)?.kind === "xfer") return "greeting";
  const shown = new TextDecoder().decode(bytes);
  if (/^[ -~\n]*$/.test(shown)) return JSON.stringify(shown);
  const frame = new FrameReader({ sender: "server", first: bytes }).next();
  if (frame?.type === FRAME.error) return `error ${frame.request} ${decodeError(frame.payload).code}`;
  const [name] = Object.entries(FRAME).find(([, type]) => type === frame?.type) ?? [];
  return `${name} ${frame?.request} ${frame?.isEnd} ${frame?.payload.toHex()}`;
}

/** A frame of a client. */
export const frame = (type: FrameType, request: number, payload?: Uint8Array) => {
  return encodeFrame({ type, request, isEnd: false }, payload);
};
/** Asks for two bytes of a file. */
export const get = (request: number, path: string) => {
  return frame(FRAME.get, request, encodeGet({ path, offset: 1, length: 2 }));
};
/** A connection whose client has said hello. */
export function greeted(token?: string): Connection {
  const connection = new Connection(token);
  connection.told();
  assertEquals(connection.send(HELLO), ["send greeting"]);
  return connection;
}
