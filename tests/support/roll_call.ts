/** A plain server for empty files that answers `start` only when so many clients ask at the same time. */
export interface RollCall extends AsyncDisposable {
  readonly ws: string;
  /** Names of the files that were started, in order. */
  readonly started: readonly string[];
  /** Most connections that were open at a time. */
  readonly mostAtOnce: number;
  /** Settles when so many ask for the first time. */
  readonly complete: Promise<void>;
}

/** Starts a {@linkcode RollCall}. With `isSilent` it never answers, however many ask. */
export function rollCall(size: number, { isSilent = false } = {}): RollCall {
  const sockets = new Set<WebSocket>();
  const started: string[] = [];
  const waiting: (() => void)[] = [];
  const { promise: complete, resolve } = Promise.withResolvers<void>();
  let mostAtOnce = 0;
  const answer = (socket: WebSocket, message: Record<string, unknown>) =>
    socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));
  const http = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
    sockets.add(socket);
    mostAtOnce = Math.max(mostAtOnce, sockets.size);
    socket.onclose = () => sockets.delete(socket);
    socket.onmessage = ({ data }) => {
      const { action, fileId, fileName } = JSON.parse(String(data));
      if (action === "complete") {
        return answer(socket, { event: "complete-ack", fileId, filePath: `/${fileId}` });
      }
      if (action !== "start") return;
      started.push(fileName);
      waiting.push(() => answer(socket, { event: "start-ack", fileId, offset: 0, status: "active" }));
      if (waiting.length < size) return;
      resolve();
      if (!isSilent) { for (const release of waiting.splice(0)) release(); }
    };
    return response;
  });
  return {
    ws: `ws://127.0.0.1:${http.addr.port}/ws`,
    started,
    get mostAtOnce() {
      return mostAtOnce;
    },
    complete,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.close();
      await http.shutdown();
    },
  };
}
