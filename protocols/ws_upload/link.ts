import { ConnectionProblem } from "../../net/connection_problem.ts";
import type { Trust } from "../../net/trust.ts";
import type { WebSocketConnection } from "../../net/web_socket.ts";
import { openWebSocket, UpgradeRefusedError } from "../../net/web_socket_client.ts";
import type { SenderEvent } from "./sender_state.ts";
import { CLOSE_TAKEN_OVER, parseServerMessage } from "./server_messages.ts";

/** Where a connection goes, and as whom. */
export interface LinkTarget {
  /** WebSocket URL of the server. */
  readonly url: string;
  /** Presented to the server as `Authorization: Bearer`. */
  readonly token?: string | undefined;
  /** Whom a `wss:` server's certificate may be issued by, besides those the system trusts. */
  readonly trust?: Trust | undefined;
}

/** One connection to the server; silent once dropped. */
export interface Link {
  send(text: string): void;
  /** Room for a binary message of so many bytes, to be filled; `undefined` while there is no connection. */
  prepare(bytes: number): Uint8Array<ArrayBuffer> | undefined;
  /** Sends a message that such room was filled with, or its beginning; it is not to be touched any more. */
  sendPrepared(message: Uint8Array<ArrayBuffer>): void;
  /** Settles when more is worth preparing: it would not wait in memory for long. */
  ready(): Promise<void>;
  drop(): void;
  /** Settles when nothing is left of it. */
  readonly closed: Promise<void>;
}

/** Bytes that may wait for the network while more is prepared. */
const UNSENT_BYTES = 2 * 1024 * 1024;

/** Opens a connection, whose events are the sender's. */
export function openLink(target: LinkTarget, onEvent: (event: SenderEvent) => void): Link {
  const dropped = new AbortController();
  let socket: WebSocketConnection | undefined;
  const tell = (event: SenderEvent) => {
    if (!dropped.signal.aborted) onEvent(event);
  };
  const run = async () => {
    try {
      const { token, trust } = target;
      socket = await openWebSocket(target.url, {
        token,
        caCerts: trust?.caCerts,
        signal: dropped.signal,
      });
    } catch (error) {
      return tell({ type: "close", ...explainRefusal(error, target.url) });
    }
    if (dropped.signal.aborted) socket.close(1000, "");
    tell({ type: "open" });
    for (let next = await socket.receive(); next !== undefined; next = await socket.receive()) {
      const message = next.type === "text" ? parseServerMessage(next.text) : undefined;
      if (message !== undefined) tell({ type: "message", message });
    }
    tell({ type: "close", ...explainClose(socket) });
  };
  return {
    send: (text) => socket?.send(text),
    prepare: (bytes) => socket?.prepare(bytes),
    sendPrepared: (message) => socket?.sendPrepared(message),
    ready: async () => await socket?.unsentBelow(UNSENT_BYTES),
    drop() {
      dropped.abort();
      socket?.close(1000, "");
    },
    closed: run(),
  };
}

/** Why there is no connection, for a person, and whether trying again is in vain. */
type Explanation = { readonly reason: string; readonly isFinal: boolean };

function explainRefusal(error: unknown, url: string): Explanation {
  if (error instanceof UpgradeRefusedError) return explainStatus(error.status);
  if (error instanceof ConnectionProblem && error.isFinal) return { reason: error.message, isFinal: true };
  const message = error instanceof Error ? error.message : String(error);
  return {
    reason: `Can't connect to ${new URL(url).host}, is the server running? (${message.replace(/^.*: /, "")})`,
    isFinal: false,
  };
}

function explainStatus(status: number): Explanation {
  switch (status) {
    case 401:
      return {
        reason: "The server asks for a token (--token or TRANSFER_TOKEN), or for another one",
        isFinal: true,
      };
    case 403:
      return { reason: "The server refuses this client (403)", isFinal: true };
    default:
      // A proxy whose server is away for a moment answers 502, 503 or 504; one that is asked too often, 429.
      return {
        reason: `The server answered ${status}`,
        isFinal: status < 500 && ![408, 425, 429].includes(status),
      };
  }
}

function explainClose({ closedWith }: WebSocketConnection): Explanation {
  if (closedWith === undefined) return { reason: "The connection was lost", isFinal: false };
  const { code, reason } = closedWith;
  if (code === CLOSE_TAKEN_OVER) {
    return { reason: "Another run of the same upload has taken over", isFinal: true };
  }
  return { reason: reason === "" ? `The connection was closed (${code})` : reason, isFinal: false };
}
