/** A client of the text commands, as the small programs of this protocol are. */
export interface TextCommandClient extends AsyncDisposable {
  send(text: string): void;
  /** The next answer. Rejects when the connection closes instead. */
  next(): Promise<string>;
  /** Sends messages, and takes all answers to them: those before the answer to one more. */
  ask(...texts: readonly string[]): Promise<string[]>;
}

/** Always answered, in so many messages, and by nothing else. */
const MARK = { text: "help_command", first: "help_command - Перечень доступных команд.", answers: 6 };

/** Connects a {@linkcode TextCommandClient}. */
export async function textClient(url: string): Promise<TextCommandClient> {
  const socket = new WebSocket(url);
  const answers: string[] = [];
  let wake = () => {};
  socket.onmessage = ({ data }) => {
    answers.push(String(data));
    wake();
  };
  const closed = new Promise<void>((resolve) => {
    socket.onclose = () => {
      resolve();
      wake();
    };
  });
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = (event) => reject(new Error(event instanceof ErrorEvent ? event.message : "failed"));
  });
  socket.onerror = null;
  const next = async () => {
    while (answers.length === 0) {
      if (socket.readyState !== WebSocket.OPEN) {
        throw new Error("The connection closed before an answer came");
      }
      await new Promise<void>((resolve) => wake = resolve);
    }
    return answers.shift() ?? "";
  };
  return {
    send: (text) => socket.send(text),
    next,
    async ask(...texts) {
      for (const text of [...texts, MARK.text]) socket.send(text);
      const taken: string[] = [];
      for (let text = await next(); text !== MARK.first; text = await next()) taken.push(text);
      for (let rest = 1; rest < MARK.answers; rest++) await next();
      return taken;
    },
    async [Symbol.asyncDispose]() {
      socket.close();
      await closed;
    },
  };
}
