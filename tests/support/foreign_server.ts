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
  const files = new Map<string, Uint8Array>();
  const sizes = new Map<string, number>();
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
      const answer = serve(message);
      if (message.action === "chunk" && ++chunks === server.dropAfterChunks) socket.close(4000, "dropped");
      else socket.send(JSON.stringify(answer));
    };
    return response;
  });
  const serve = (message: Record<string, unknown>): Record<string, unknown> => {
    const fileId = String(message.fileId);
    const stored = files.get(fileId) ?? new Uint8Array(0);
    switch (message.action) {
      case "start":
        files.set(fileId, stored);
        sizes.set(fileId, Number(message.fileSize));
        return { event: "start-ack", fileId, offset: stored.length, status: "active" };
      case "chunk": {
        if (message.offset !== stored.length) {
          return { event: "offset-mismatch", fileId, expected: stored.length, received: message.offset };
        }
        const bytes = Uint8Array.fromBase64(String(message.data));
        const longer = new Uint8Array(stored.length + bytes.length);
        longer.set(stored);
        longer.set(bytes, stored.length);
        files.set(fileId, longer);
        const percent = Math.round(longer.length / (sizes.get(fileId) ?? 1) * 10_000) / 100;
        return { event: "progress", fileId, offset: longer.length, receivedBytes: bytes.length, percent };
      }
      case "pause":
      case "resume":
        return { event: `${message.action}-ack`, fileId, offset: stored.length };
      case "stop":
        if (message.delete !== false) files.delete(fileId);
        return { event: "stop-ack", fileId };
      case "complete":
        if (stored.length !== sizes.get(fileId)) return { event: "error", fileId, error: "nope" };
        return { event: "complete-ack", fileId, filePath: `/somewhere/${fileId}` };
      default:
        return { event: "error", error: "what?" };
    }
  };
  const server: ForeignServer = {
    ws: `ws://127.0.0.1:${http.addr.port}/ws`,
    files,
    messages,
    dropAfterChunks: 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.close();
      await http.shutdown();
    },
  };
  return server;
}
