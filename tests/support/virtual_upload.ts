import { type ServerMessage } from "../../protocols/ws_upload/server_messages.ts";
import { type SenderEvent, UploadSender, type Wish } from "../../protocols/ws_upload/sender.ts";
import { type SessionRequest, UploadSession } from "../../protocols/ws_upload/upload_session.ts";

/** What a simulated link does to the connection between the two cores. */
export interface VirtualLink {
  /** One way, in milliseconds. */
  readonly delayMs: number;
  /** The chance that a message is the last of its connection: it is lost, and the connection with it. */
  readonly cut: number;
  /** Numbers in [0, 1). */
  readonly random: () => number;
}

/** How a simulated upload went. */
export interface VirtualOutcome {
  readonly state: UploadSender["state"];
  /** What the server has, and whether it was told that this is all. */
  readonly stored: Uint8Array;
  readonly published: boolean;
  readonly connections: number;
  readonly elapsedMs: number;
}

/**
 * Runs the sender's core against the server's core in virtual time: every message, loss and timer is an
 * event in one queue, and nothing waits. Gives up after `limitMs`.
 */
export function runVirtualUpload(
  file: Uint8Array<ArrayBuffer>,
  options: {
    readonly link: VirtualLink;
    readonly chunkBytes: number;
    readonly wishes?: readonly { readonly atMs: number; readonly wish: Wish }[];
    readonly limitMs?: number;
    readonly unreachableMs?: number;
  },
): VirtualOutcome {
  const { link, chunkBytes, wishes = [], limitMs = 3_600_000, unreachableMs = 5_000 } = options;
  const sender = new UploadSender({
    fileId: "f",
    fileName: "f",
    fileSize: file.length,
    chunkBytes,
    random: link.random,
    unreachableMs,
  });
  const events: { readonly atMs: number; readonly order: number; readonly run: () => void }[] = [];
  let nowMs = 0;
  let order = 0;
  let stored = new Uint8Array(0);
  let session: UploadSession | undefined;
  let published = false;
  let connection = 0;
  let open = false;

  const at = (atMs: number, run: () => void) => events.push({ atMs, order: order++, run });
  const dispatch = (event: SenderEvent) => {
    for (const action of sender.handle(event, nowMs)) perform(action);
    const { wakeAtMs } = sender;
    if (wakeAtMs !== undefined) at(wakeAtMs, () => dispatch({ type: "tick" }));
  };
  const carry = (deliver: () => void) => {
    const over = connection;
    if (link.random() < link.cut) {
      return at(nowMs + link.delayMs, () => {
        if (over !== connection || !open) return;
        open = false;
        session?.disconnected(over);
        dispatch({ type: "close", reason: "cut" });
      });
    }
    at(nowMs + link.delayMs, () => {
      if (over === connection && open) deliver();
    });
  };
  const perform = (action: ReturnType<UploadSender["handle"]>[number]) => {
    switch (action.type) {
      case "connect":
        connection++;
        open = true;
        return carry(() => dispatch({ type: "open" }));
      case "disconnect":
        if (open) session?.disconnected(connection);
        open = false;
        return;
      case "read": {
        const { offset, length } = action;
        const base64 = file.subarray(offset, offset + length).toBase64();
        return at(nowMs, () => dispatch({ type: "chunk", offset, base64 }));
      }
      case "send":
        return carry(() => {
          const answer = serve(JSON.parse(action.text));
          carry(() => dispatch({ type: "message", message: answer }));
        });
    }
  };
  const serve = (
    message: SessionRequest & { readonly fileSize: number; readonly data: string },
  ): ServerMessage => {
    if (message.action === "start") {
      session ??= new UploadSession({ fileId: "f", fileSize: message.fileSize, length: stored.length });
    }
    if (session === undefined) return { event: "error", fileId: "f", error: "Unknown fileId" };
    const request = message.action === "chunk"
      ? { ...message, bytes: Uint8Array.fromBase64(message.data) }
      : message;
    const step = session.request(request, connection, nowMs);
    switch (step.type) {
      case "reply":
      case "release":
        return step.message;
      case "discard":
        session = undefined;
        stored = new Uint8Array(0);
        return step.message;
      case "append":
        stored = new Uint8Array([...stored, ...step.bytes]);
        return session.appended(step.bytes.length);
      case "publish":
        published = true;
        return { event: "complete-ack", fileId: "f", filePath: "/f" };
    }
  };

  for (const { atMs, wish } of wishes) at(atMs, () => dispatch({ type: "wish", wish }));
  at(0, () => dispatch({ type: "tick" }));
  while (!sender.ended && events.length > 0 && nowMs < limitMs) {
    events.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
    const next = events.shift();
    if (next === undefined) break;
    nowMs = Math.max(nowMs, next.atMs);
    next.run();
  }
  return { state: sender.state, stored, published, connections: connection, elapsedMs: nowMs };
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let a = seed;
  return () => {
    a = a + 0x6d2b79f5 | 0;
    let t = Math.imul(a ^ a >>> 15, 1 | a);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
  };
}
