/** One event of a stream, its data parsed. */
export interface ReadEvent {
  readonly id: string;
  readonly type: string;
  // deno-lint-ignore no-explicit-any
  readonly data: any;
}

/** Reads server-sent events as the HTML standard says, knowing nothing of this project's code. */
export interface EventReader extends AsyncDisposable {
  readonly response: Response;
  /** The next event; `undefined` at the end of the stream. */
  next(): Promise<ReadEvent | undefined>;
  /** Reads up to the first event of a type, and returns all that were read. */
  until(type: string): Promise<ReadEvent[]>;
  /** Comments that were read so far. */
  readonly comments: number;
}

/** Opens an event stream. */
export async function readEvents(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<EventReader> {
  const response = await fetch(url, { headers });
  const chunks = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let comments = 0;

  function take(): ReadEvent | undefined {
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      const fields = new Map<string, string>();
      for (const line of text.slice(0, end).split("\n")) {
        const [, name = "", value = ""] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
        if (line.startsWith(":")) comments++;
        else fields.set(name, value);
      }
      text = text.slice(end + 2);
      const data = fields.get("data");
      if (data === undefined) continue;
      return { id: fields.get("id") ?? "", type: fields.get("event") ?? "message", data: JSON.parse(data) };
    }
    return undefined;
  }

  const reader: EventReader = {
    response,
    get comments() {
      return comments;
    },
    async next() {
      for (;;) {
        const event = take();
        if (event !== undefined) return event;
        const { value, done } = await chunks?.read() ?? { done: true, value: undefined };
        if (done || value === undefined) return undefined;
        text += value;
      }
    },
    async until(type) {
      const events: ReadEvent[] = [];
      for (let event = await reader.next(); event !== undefined; event = await reader.next()) {
        events.push(event);
        if (event.type === type) return events;
      }
      throw new Error(`The stream ended before "${type}": ${JSON.stringify(events)}`);
    },
    async [Symbol.asyncDispose]() {
      await chunks?.cancel();
    },
  };
  return reader;
}
