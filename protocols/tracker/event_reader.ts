/** An event of a stream. */
export interface StreamEvent {
  /** `undefined`: it had none. */
  readonly id: string | undefined;
  readonly name: string;
  readonly data: string;
}

/** Longest event that is read, in UTF-16 units: a message of 4 KiB as JSON is six times as long at most. */
const MAX_EVENT = 64 * 1024;

/**
 * Reads server-sent events (HTML standard, section 9.2) of this tracker, which ends lines with a line feed. A core
 * without I/O.
 */
export class EventReader {
  #rest = "";

  /** Takes a piece of the stream. @throws {Error} An event is too long. */
  *push(text: string): Generator<StreamEvent> {
    this.#rest += text;
    for (let end = this.#rest.indexOf("\n\n"); end !== -1; end = this.#rest.indexOf("\n\n")) {
      const event = parse(this.#rest.slice(0, end));
      this.#rest = this.#rest.slice(end + 2);
      if (event !== undefined) yield event;
    }
    if (this.#rest.length > MAX_EVENT) throw new Error("The tracker sends an event that is too long");
  }
}

/** @returns `undefined`: a comment. */
function parse(block: string): StreamEvent | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split("\n")) {
    const [, name = "", value = ""] = /^([^:]+): ?(.*)$/.exec(line) ?? [];
    fields.set(name, value);
  }
  const data = fields.get("data");
  if (data === undefined) return undefined;
  return { id: fields.get("id"), name: fields.get("event") ?? "message", data };
}
