import { writeAll } from "../../net/byte_stream.ts";
import type { ServedStream } from "../../net/tcp_listener.ts";
import type { Alarm, Alarms } from "./alarms.ts";
import { errorAnswer } from "./error_answer.ts";
import { LINGER_BYTES, type ProxyLimits } from "./proxy_limits.ts";
import { CLIENT_GONE } from "./status_text.ts";
import { StreamReader } from "./stream_reader.ts";

/** What a client did that ends its request. */
export interface ClientFault {
  readonly status: 400 | 408 | typeof CLIENT_GONE;
  readonly reason: string;
}

/** A client's connection, held to the times that it may take. Disposing of it closes it. */
export class ClientSide implements Disposable {
  readonly address: string;
  readonly reader: StreamReader;
  /** Called with the first fault, at once; whoever sets it is working on a request. */
  onFault: ((fault: ClientFault) => void) | undefined;
  /** Bytes that were written to it. */
  sentBytes = 0;
  readonly #stream: ServedStream;
  readonly #limits: ProxyLimits;
  readonly #readAlarm: Alarm;
  readonly #writeAlarm: Alarm;
  #fault: ClientFault | undefined;
  #isIdle = true;
  #isWatched = false;

  constructor(
    stream: ServedStream,
    { address, limits, alarms }: {
      readonly address: string;
      readonly limits: ProxyLimits;
      readonly alarms: Alarms;
    },
  ) {
    this.address = address;
    this.reader = new StreamReader(stream);
    this.#stream = stream;
    this.#limits = limits;
    this.#readAlarm = alarms.add(() => this.#onSilence());
    this.#writeAlarm = alarms.add(() => {
      this.#raise({ status: CLIENT_GONE, reason: "the client does not read its answer" });
      this.close();
    });
  }

  /** The first thing that it did wrong. */
  get fault(): ClientFault | undefined {
    return this.#fault;
  }

  /** Whether it has sent nothing of a next request. */
  get isIdle(): boolean {
    return this.#isIdle && this.reader.length === 0;
  }

  /** Reads the head of its next request, like {@linkcode StreamReader.readHead}, in the time that it has for it. */
  async readHead(): Promise<string | undefined> {
    const { idleMs, headMs } = this.#limits;
    this.#isIdle = this.reader.length === 0;
    this.#readAlarm.set(this.#isIdle ? idleMs : headMs);
    try {
      return await this.reader.readHead(() => {
        if (this.#isIdle) this.#readAlarm.set(headMs);
        this.#isIdle = false;
      });
    } finally {
      this.#readAlarm.clear();
      this.#isIdle = false;
    }
  }

  /** More of a request's body is waited for; until then it has come. */
  awaitBody(): void {
    this.#readAlarm.set(this.#limits.bodyMs);
  }

  /** What was waited for has come. */
  gotBody(): void {
    this.#readAlarm.clear();
  }

  /** The request's body is broken, or the connection that it came on. */
  bodyFailed(fault: ClientFault): void {
    this.#readAlarm.clear();
    this.#raise(fault);
  }

  /**
   * Looks whether the client goes away while it waits for its answer. Like Go's server and nginx, it takes the end
   * of what the client sends for that: browsers close their connections so.
   */
  watch(): void {
    if (this.#isWatched || this.reader.length > 0) return;
    this.#isWatched = true;
    const gone = () => this.#raise({ status: CLIENT_GONE, reason: "the client went away" });
    this.reader.fill().then((isOpen) => isOpen || gone(), gone).finally(() => this.#isWatched = false);
  }

  /** Writes all of the bytes. @throws {Error} The client is gone, or takes none of them for too long. */
  async write(bytes: Uint8Array): Promise<void> {
    const { writeMs } = this.#limits;
    this.#writeAlarm.set(writeMs);
    // As in HttpConnection: those that have come as far in this turn write one after another.
    await undefined;
    try {
      await writeAll(this.#stream, bytes, () => this.#writeAlarm.set(writeMs));
      this.sentBytes += bytes.length;
    } catch (error) {
      this.#raise({ status: CLIENT_GONE, reason: "the client went away" });
      throw error;
    } finally {
      this.#writeAlarm.clear();
    }
  }

  /** Tells it that nothing more will be written. */
  async end(): Promise<void> {
    await this.#stream.end();
  }

  /**
   * Says that it is over, and reads for a while what the client still sends: to close a connection with unread bytes
   * resets it, and may take the answer from the client that was just sent (RFC 9112 section 9.6). Some send a line
   * end too much, or the next request before they have seen the end.
   */
  async linger(): Promise<void> {
    // There is nothing to be said any more to who is too slow.
    this.#isIdle = true;
    this.#readAlarm.set(this.#limits.lingerMs);
    try {
      await this.end();
      for (let read = 0; read < LINGER_BYTES;) {
        if (!await this.reader.fill()) return;
        read += this.reader.length;
        this.reader.consume(this.reader.length);
      }
    } catch {
      // It is gone, or was closed by the alarm.
    }
  }

  /** At once; reads and writes under way reject. */
  close(): void {
    this.#stream.close();
  }

  [Symbol.dispose](): void {
    this.#readAlarm[Symbol.dispose]();
    this.#writeAlarm[Symbol.dispose]();
    this.close();
    this.reader.narrow();
  }

  #raise(fault: ClientFault): void {
    if (this.#fault !== undefined) return;
    this.#fault = fault;
    this.onFault?.(fault);
  }

  #onSilence(): void {
    if (this.#isIdle || this.#fault !== undefined) return this.close();
    const { onFault } = this;
    this.#raise({ status: 408, reason: "the request did not come in time" });
    // Whoever works on the request will answer. Else this is all that is left to say.
    if (onFault === undefined) void this.#refuse();
  }

  async #refuse(): Promise<void> {
    try {
      await this.write(errorAnswer(408, { method: undefined, isKeptAlive: false, now: new Date() }));
    } catch {
      // It is gone; there is nobody to tell.
    } finally {
      this.close();
    }
  }
}
