import type { Logger } from "@logtape/logtape";
import type { RequestEvent } from "../protocols/proxy/proxy_context.ts";
import { printable, printableJson } from "../terminal/printable.ts";

/** Lines that wait are written when they are as many bytes, or when the first has waited so long. */
const BATCH_CHARACTERS = 65_536;
const BATCH_MS = 200;
/** Beyond so many characters that wait for a slow disk, lines are dropped, and counted. */
const WAITING_MOST = 4_194_304;

/** A line a request, in a file. Disposing of it writes what waits. */
export class AccessLog implements AsyncDisposable {
  readonly #path: string;
  readonly #lineOf: (event: RequestEvent, now: Date) => string;
  readonly #log: Logger;
  #file: Deno.FsFile;
  #waiting: string[] = [];
  #waitingCharacters = 0;
  #dropped = 0;
  /** Whether the last write failed, which is told once. */
  #isFailing = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The writes so far; never rejects. */
  #written: Promise<void> = Promise.resolve();

  private constructor(
    file: Deno.FsFile,
    { path, format, log }: { readonly path: string; readonly format: "text" | "json"; readonly log: Logger },
  ) {
    this.#file = file;
    this.#path = path;
    this.#lineOf = format === "json" ? jsonLine : combinedLine;
    this.#log = log;
  }

  /** Opens a log; lines go to the end of what is there. @throws {Error} It can't be written. */
  static async open(
    options: { readonly path: string; readonly format: "text" | "json"; readonly log: Logger },
  ): Promise<AccessLog> {
    return new AccessLog(await openFile(options.path), options);
  }

  note(event: RequestEvent): void {
    if (this.#waitingCharacters >= WAITING_MOST) {
      this.#dropped++;
      return;
    }
    const line = `${this.#lineOf(event, new Date())}\n`;
    this.#waiting.push(line);
    this.#waitingCharacters += line.length;
    if (this.#waitingCharacters >= BATCH_CHARACTERS) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), BATCH_MS);
  }

  /** Goes on in a new file, after the old one was renamed. What can't be opened is told, and the old one stays. */
  async reopen(): Promise<void> {
    this.#flush();
    try {
      const file = await openFile(this.#path);
      const old = this.#file;
      this.#file = file;
      this.#written = this.#written.then(() => old.close());
    } catch (error) {
      this.#log.error("access log not reopened, the one in use stays", { reason: String(error) });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#flush();
    await this.#written;
    this.#file.close();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    const lines = new TextEncoder().encode(this.#waiting.join(""));
    const [count, characters] = [this.#waiting.length, this.#waitingCharacters];
    this.#waiting = [];
    const file = this.#file;
    this.#written = this.#written.then(async () => {
      try {
        for (let at = 0; at < lines.length;) at += await file.write(lines.subarray(at));
        if (this.#isFailing || this.#dropped > 0) {
          this.#log.warn("access log goes on", { dropped: this.#dropped });
        }
        this.#isFailing = false;
        this.#dropped = 0;
      } catch (error) {
        if (!this.#isFailing) this.#log.error("access log not written", { reason: String(error) });
        this.#isFailing = true;
        this.#dropped += count;
      }
      this.#waitingCharacters -= characters;
    });
  }
}

async function openFile(path: string): Promise<Deno.FsFile> {
  return await Deno.open(path, { append: true, create: true, mode: 0o640 });
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The "combined" form of Apache and nginx, and what only a proxy knows behind it. */
export function combinedLine(event: RequestEvent, now: Date): string {
  const { address, method, target, minor, status, bytes, referer, userAgent } = event;
  const [day, time] = [String(now.getUTCDate()).padStart(2, "0"), now.toISOString().slice(11, 19)];
  const when = `${day}/${MONTHS[now.getUTCMonth()]}/${now.getUTCFullYear()}:${time} +0000`;
  const request = quoted(`${method} ${target} HTTP/1.${minor}`);
  const rest = [
    `host=${quoted(event.host)}`,
    `upstream=${event.upstream ?? "-"}`,
    `attempts=${event.attempts}`,
    `ms=${event.ms.toFixed(1)}`,
    ...(event.isCut ? ["cut"] : []),
  ];
  const agent = [quoted(referer || "-"), quoted(userAgent || "-")];
  return [address, "- -", `[${when}]`, request, status, bytes, ...agent, ...rest].join(" ");
}

/** One JSON object. */
export function jsonLine({ type: _, ms, ...event }: RequestEvent, now: Date): string {
  return printableJson({ time: now.toISOString(), ...event, ms: Math.round(ms * 10) / 10 });
}

/** In quotes that nothing in the text can close; whatever a client sends, it stays one line. */
function quoted(text: string): string {
  return `"${printable(text.replace(/["\\]/g, "\\$&"))}"`;
}
