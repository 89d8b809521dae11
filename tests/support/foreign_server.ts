/**
 * A plain upload server as small programs write it: everything in memory, errors in its own words, no
 * code of this project. Uploads are kept by fileId while it lives.
 */
export interface ForeignServer extends AsyncDisposable {
  readonly ws: string;
  /** Received bytes by fileId. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** All messages received, without their data. */
  readonly messages: readonly Record<string, unknown>[];
  /** Drops every connection without a word once so many chunks have come. */
  dropAfterChunks: number;
}

/** Starts a {@linkcode ForeignServer} on a free port. */
export function foreignServer(): ForeignServer {
  const uploads = new Uploads();
  const messages: Record<string, unknown>[] = [];
  const sockets = new Set<WebSocket>();
  let chunks = 0;
  const http = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
    sockets.add(socket);
    socket.onclose = () => sockets.delete(socket);
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(String(data));
      messages.push({ ...message, data: undefined });
      const answer = uploads.answer(message);
      if (message.action === "chunk" && ++chunks === server.dropAfterChunks) socket.close(4000, "dropped");
      else socket.send(JSON.stringify(answer));
    };
    return response;
  });
  const server: ForeignServer = {
    ws: `ws://127.0.0.1:${http.addr.port}/ws`,
    files: uploads.files,
    messages,
    dropAfterChunks: 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.close();
      await http.shutdown();
    },
  };
  return server;
}

class Uploads {
  readonly files = new Map<string, Uint8Array>();
  readonly #sizes = new Map<string, number>();

  answer(message: Record<string, unknown>): Record<string, unknown> {
    const fileId = String(message.fileId);
    const stored = this.files.get(fileId) ?? new Uint8Array(0);
    switch (message.action) {
      case "start":
        this.files.set(fileId, stored);
        this.#sizes.set(fileId, Number(message.fileSize));
        return { event: "start-ack", fileId, offset: stored.length, status: "active" };
      case "chunk":
        if (message.offset === stored.length) return this.#appended(fileId, stored, String(message.data));
        return { event: "offset-mismatch", fileId, expected: stored.length, received: message.offset };
      case "pause":
      case "resume":
        return { event: `${message.action}-ack`, fileId, offset: stored.length };
      case "stop":
        if (message.delete !== false) this.files.delete(fileId);
        return { event: "stop-ack", fileId };
      case "complete":
        if (stored.length !== this.#sizes.get(fileId)) return { event: "error", fileId, error: "nope" };
        return { event: "complete-ack", fileId, filePath: `/somewhere/${fileId}` };
      default:
        return { event: "error", error: "what?" };
    }
  }

  #appended(fileId: string, stored: Uint8Array, base64: string): Record<string, unknown> {
    const bytes = Uint8Array.fromBase64(base64);
    const longer = new Uint8Array(stored.length + bytes.length);
    longer.set(stored);
    longer.set(bytes, stored.length);
    this.files.set(fileId, longer);
    const percent = Math.round(longer.length / (this.#sizes.get(fileId) ?? 1) * 10_000) / 100;
    return { event: "progress", fileId, offset: longer.length, receivedBytes: bytes.length, percent };
  }
}
