/**
 * A client as the many small programs of this protocol are: it sends a message and takes the answers
 * as they come, knowing nothing of this project's code.
 */
export interface PlainClient extends AsyncDisposable {
  send(message: unknown): void;
  sendText(text: string): void;
  sendBytes(bytes: Uint8Array<ArrayBuffer>): void;
  /** The next answer. Rejects when the connection closes instead. */
  next(): Promise<Record<string, unknown>>;
  /** Sends a message and takes one answer. */
  ask(message: unknown): Promise<Record<string, unknown>>;
  /** Answers that came and were not taken. */
  readonly unread: number;
  readonly closed: Promise<CloseEvent>;
  close(): void;
}

/** Connects a {@linkcode PlainClient}. */
export async function plainClient(url: string, options: WebSocketOptions = {}): Promise<PlainClient> {
  const socket = new WebSocket(url, options);
  const answers: string[] = [];
  const waiting: ((text: string | undefined) => void)[] = [];
  const closed = new Promise<CloseEvent>((resolve) => {
    socket.onclose = (event) => {
      resolve(event);
      for (const wake of waiting.splice(0)) wake(undefined);
    };
  });
  socket.onmessage = ({ data }) => {
    const wake = waiting.shift();
    if (wake === undefined) answers.push(String(data));
    else wake(String(data));
  };
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = (event) => reject(new Error(event instanceof ErrorEvent ? event.message : "failed"));
  });
  socket.onerror = null;
  const client: PlainClient = {
    send: (message) => socket.send(JSON.stringify(message)),
    sendText: (text) => socket.send(text),
    sendBytes: (bytes) => socket.send(bytes),
    async next() {
      const text = answers.shift() ?? await new Promise<string | undefined>((resolve) => {
        if (socket.readyState === WebSocket.OPEN) waiting.push(resolve);
        else resolve(undefined);
      });
      if (text === undefined) throw new Error("The connection closed before an answer came");
      return JSON.parse(text);
    },
    ask(message) {
      client.send(message);
      return client.next();
    },
    get unread() {
      return answers.length;
    },
    closed,
    close: () => socket.close(),
    async [Symbol.asyncDispose]() {
      socket.close();
      await closed;
    },
  };
  return client;
}

/** Uploads bytes from an offset on, one base64 chunk at a time, up to but without `complete`. */
export async function sendChunks(
  client: PlainClient,
  upload: {
    readonly fileId: string;
    readonly bytes: Uint8Array;
    readonly from?: number;
    readonly to?: number;
    readonly chunkBytes?: number;
  },
): Promise<void> {
  const { fileId, bytes, from = 0, to = bytes.length, chunkBytes = 65_536 } = upload;
  for (let offset = from; offset < to; offset += chunkBytes) {
    const chunk = bytes.subarray(offset, Math.min(offset + chunkBytes, to));
    const answer = await client.ask({ action: "chunk", fileId, offset, data: chunk.toBase64() });
    if (answer.event !== "progress" || answer.offset !== offset + chunk.length) {
      throw new Error(`Unexpected answer: ${JSON.stringify(answer)}`);
    }
  }
}
