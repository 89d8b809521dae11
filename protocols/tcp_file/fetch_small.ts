import { ConnectionProblem } from "../../net/connection_problem.ts";
import type { SmallFiles } from "../../store/small_files.ts";
import type { FileVersion } from "../../store/file_version.ts";
import { BLOCK_BYTES } from "./blocks.ts";
import { isIntact } from "./intact.ts";
import { type DataBlock, ERROR_CODE, type Refusal } from "./messages.ts";
import { Patience } from "../../net/patience.ts";
import { RefusedError, type Remote } from "./remote.ts";
import { ServerLiesError, type XferAnswer, type XferConnection } from "./xfer_connection.ts";
import { CorruptError, MissingError } from "../../store/fetched_file.ts";

/** A file that fits into one block, as far as is known. */
export interface SmallOrder {
  /** The server's. */
  readonly path: string;
  /** As the server has listed it. */
  readonly size: number;
  /** Where to, as `SmallFiles` takes it. */
  readonly local: string;
}

/** What has become of one. */
export type SmallEnd =
  | {
    readonly kind: "stored";
    readonly order: SmallOrder;
    readonly local: string;
    readonly version: FileVersion;
  }
  /** It has to be fetched as large ones are: it has become one, or goes to another file system. */
  | { readonly kind: "large"; readonly order: SmallOrder; readonly version: FileVersion }
  | { readonly kind: "failed"; readonly order: SmallOrder; readonly problem: Error };

/** Bytes under way at most: what a link of 1 Gbit/s and 100 ms holds. */
const MAX_UNDER_WAY_BYTES = 12 * 1024 * 1024;
/** How often a file may come wrong, or change while the server reads it. */
const MAX_TRIES = 4;

interface Asked {
  readonly order: SmallOrder;
  readonly tries: number;
}

/**
 * Fetches many small files over one connection: requests go out many at a time and are answered in order, and
 * what one read brings is stored together. What was asked for when a connection is lost is asked for again.
 *
 * @param batches What to fetch. Each batch is taken while the server answers what was asked for of those before.
 * @param options `files` is called when there is something to store; `onEnd` is told of each file, once it is durable.
 * @throws {Error} The server can't be reached any more, or the disk fails; and what `batches` throws.
 */
export async function fetchSmall(
  batches: AsyncIterable<readonly SmallOrder[]>,
  { remote, files, overwrite, onEnd }: {
    readonly remote: Remote;
    readonly files: () => Promise<SmallFiles>;
    readonly overwrite: boolean;
    readonly onEnd: (end: SmallEnd) => void;
  },
): Promise<void> {
  const patience = new Patience(remote.signal);
  const line = new Line(batches);
  while (await line.hasMore()) {
    let connection: XferConnection | undefined;
    try {
      connection = await remote.connectXfer();
      const batches = new Batches(connection, line);
      const place = await files();
      while (await line.hasMore()) {
        const { arrived, ends } = await batches.next();
        const stored = await place.store(arrived.map(({ file }) => file), { overwrite });
        // From here on they are not asked for again.
        batches.settle();
        if (arrived.length > 0) patience.reset();
        for (const [index, { order, version }] of arrived.entries()) {
          const local = stored[index];
          if (local === undefined) onEnd({ kind: "large", order, version });
          else onEnd({ kind: "stored", order, local, version });
        }
        for (const end of ends) onEnd(end);
      }
      remote.release(connection);
    } catch (problem) {
      connection?.[Symbol.dispose]();
      remote.closeIdle();
      line.giveBack();
      await patience.after(problem);
    }
  }
}

/** What is to be asked for, in order, and what is under way. */
class Line {
  readonly #batches: AsyncIterator<readonly SmallOrder[]>;
  #waiting: Asked[] = [];
  #next = 0;
  #underWay: Asked[] = [];
  #answered = 0;
  /** Answered, and to be asked for once more. */
  #again: Asked[] = [];
  #underWayBytes = 0;

  constructor(batches: AsyncIterable<readonly SmallOrder[]>) {
    this.#batches = batches[Symbol.asyncIterator]();
  }

  /** Whether something is still to come. */
  async hasMore(): Promise<boolean> {
    return this.#underWay.length > 0 || this.#again.length > 0 || await this.fill();
  }

  /** Takes the next batch if nothing waits. @returns Whether something waits. */
  async fill(): Promise<boolean> {
    while (this.isDry) {
      const { done, value } = await this.#batches.next();
      if (done === true) return false;
      this.#waiting = value.map((order) => ({ order, tries: 1 }));
      this.#next = 0;
    }
    return true;
  }

  /** Nothing waits, as far as is known. */
  get isDry(): boolean {
    return this.#next === this.#waiting.length;
  }

  get underWay(): number {
    return this.#underWay.length - this.#answered;
  }

  /** What to ask for next; `undefined`: nothing, or not before more has come. */
  ask(): Asked | undefined {
    const next = this.#waiting[this.#next];
    if (next === undefined) return undefined;
    if (this.underWay > 0 && this.#underWayBytes + next.order.size > MAX_UNDER_WAY_BYTES) return undefined;
    this.#next++;
    this.#underWay.push(next);
    this.#underWayBytes += next.order.size;
    return next;
  }

  /** What was asked for first has been answered. */
  answered(): Asked | undefined {
    const asked = this.#underWay[this.#answered];
    if (asked === undefined) return undefined;
    this.#answered++;
    this.#underWayBytes -= asked.order.size;
    return asked;
  }

  /** What was answered is dealt with. */
  settle(): void {
    this.#underWay.splice(0, this.#answered);
    this.#answered = 0;
    this.#waiting.push(...this.#again);
    this.#again = [];
  }

  /** One that was answered is to be asked for once more, behind all others. */
  again({ order, tries }: Asked): void {
    this.#again.push({ order, tries: tries + 1 });
  }

  /** A connection is lost: what was not settled is asked for again. */
  giveBack(): void {
    this.#waiting = [...this.#underWay, ...this.#waiting.slice(this.#next)];
    this.#next = 0;
    this.#underWay = [];
    this.#answered = 0;
    this.#again = [];
    this.#underWayBytes = 0;
  }
}

/** A file that has come and is to be stored. */
interface Arrived {
  readonly order: SmallOrder;
  readonly version: FileVersion;
  readonly file: { readonly path: string; readonly bytes: Uint8Array; readonly mtimeMs: number };
}

/** What came together, and has memory of the connection until the next. */
interface Batch {
  readonly arrived: readonly Arrived[];
  readonly ends: readonly SmallEnd[];
}

/** Asks over one connection, and takes what comes. */
class Batches {
  readonly #connection: XferConnection;
  readonly #line: Line;

  constructor(connection: XferConnection, line: Line) {
    this.#connection = connection;
    this.#line = line;
  }

  /** Waits for the next. Throws like `XferConnection.next`. */
  async next(): Promise<Batch> {
    await this.#ask();
    const arrived: Arrived[] = [];
    const ends: SmallEnd[] = [];
    let answer: XferAnswer | undefined = await this.#connection.next();
    for (; answer !== undefined; answer = this.#connection.take()) {
      const asked = this.#line.answered();
      if (asked === undefined || answer.type === "list" || answer.type === "root" || !answer.isEnd) {
        throw new ServerLiesError("The server sends something else than the files that it was asked for");
      }
      const end = answer.type === "data"
        ? this.#arrived(asked, answer.block)
        : this.#refused(asked, answer.refusal);
      if (end === undefined) continue;
      if ("file" in end) arrived.push(end);
      else ends.push(end);
    }
    return { arrived, ends };
  }

  /** What came is stored. */
  settle(): void {
    this.#line.settle();
  }

  async #ask(): Promise<void> {
    const { maxRequests, isLeaving } = this.#connection;
    if (isLeaving && this.#line.underWay === 0) throw new ConnectionProblem("The server is going down");
    // Many in one write, and again when half of them are answered: the server never waits for the next.
    if (isLeaving || this.#line.underWay > maxRequests / 2) return;
    do {
      while (this.#line.underWay < maxRequests) {
        const asked = this.#line.ask();
        if (asked === undefined) break;
        // A whole block, whatever the list said: a file that has grown a little comes whole nevertheless.
        this.#connection.get({ path: asked.order.path, offset: 0, length: BLOCK_BYTES });
      }
      // Before the next are looked for: the server has something to do meanwhile.
      this.#connection.flush();
    } while (this.#line.isDry && this.#line.underWay < maxRequests && await this.#line.fill());
  }

  #arrived(asked: Asked, block: DataBlock): Arrived | SmallEnd | undefined {
    const { order } = asked;
    const { offset, bytes, version } = block;
    const length = Math.min(BLOCK_BYTES, version.size);
    if (offset !== 0 || bytes.length !== length) {
      throw new ServerLiesError(
        `The server sends ${bytes.length} bytes at ${offset} of a file of ${version.size}`,
      );
    }
    if (!isIntact(block)) {
      return this.#again(
        asked,
        new CorruptError(`It came ${MAX_TRIES} times with a digest that is not its own`),
      );
    }
    if (version.size > BLOCK_BYTES) return { kind: "large", order, version };
    return { order, version, file: { path: order.local, bytes, mtimeMs: version.mtimeMs } };
  }

  #refused(asked: Asked, refusal: Refusal): SmallEnd | undefined {
    const { order } = asked;
    switch (refusal.code) {
      case ERROR_CODE.notFound:
        return { kind: "failed", order, problem: new MissingError("The server does not have it any more") };
      case ERROR_CODE.changed:
        return this.#again(asked, new RefusedError(refusal));
      case ERROR_CODE.tooMuch:
        throw new ConnectionProblem(`The server says: ${refusal.text}`);
      default:
        return { kind: "failed", order, problem: new RefusedError(refusal) };
    }
  }

  #again(asked: Asked, problem: Error): SmallEnd | undefined {
    if (asked.tries >= MAX_TRIES) return { kind: "failed", order: asked.order, problem };
    this.#line.again(asked);
    return undefined;
  }
}
