import type { RangeWriter } from "../../store/ranged_part.ts";
import { BlockQueue } from "./block_queue.ts";
import { type FileVersion, isSameVersion } from "../../store/file_version.ts";
import { blockCount } from "./blocks.ts";
import { Bell } from "./bell.ts";
import {
  CorruptError,
  type FetchedFile,
  type FileOrder,
  type RunningFile,
} from "../../store/fetched_file.ts";
import { explained, type FetchContext } from "./fetched.ts";
import { BlockDigests, isIntact } from "./intact.ts";
import { ERROR_CODE, type Refusal } from "./messages.ts";
import { Patience } from "../../net/patience.ts";
import { ReceivedPart } from "../../store/received_part.ts";
import { RefusedError } from "./remote.ts";
import { ServerLiesError, type XferAnswer, type XferConnection } from "./xfer_connection.ts";
import { ConnectionProblem } from "../../net/connection_problem.ts";

/**
 * Fetches one file over several connections, whose blocks they share; what an earlier run left of it is gone on
 * with. Nothing is written that does not have its digest, and at the end the root has to be the server's.
 *
 * @param version As the server has listed it. Another one that it has meanwhile is fetched instead.
 * @throws {CorruptError} What comes is not what its digests say, again and again.
 * @throws {MissingError} The file is not there any more.
 * @throws {Error} The server can't be reached any more, or the disk fails; what there is stays for the next run.
 */
export async function fetchFile(
  order: FileOrder,
  version: FileVersion,
  context: FetchContext,
): Promise<FetchedFile> {
  const opened = await ReceivedPart.openUnlessThere(order.destination, version);
  if (opened.kind === "published") return { local: opened.path, version, fetchedBytes: 0, digest: undefined };
  return await new FileFetch(order, { ...context, part: opened.part, version }).run();
}

/** The shell of one file's {@linkcode BlockQueue}. */
class FileFetch implements RunningFile {
  readonly path: string;
  readonly #order: FileOrder;
  readonly #context: FetchContext;
  readonly #part: ReceivedPart;
  readonly #patience: Patience;
  /** Rung when a connection that has nothing to do may have something. */
  readonly #bell = new Bell();
  readonly #active = new Map<number, XferConnection>();
  #queue: BlockQueue;
  #digests: BlockDigests;
  #fetchedBytes = 0;
  #note: string | undefined;
  /** Why it ends without the file. */
  #problem: unknown;

  constructor(
    order: FileOrder,
    { part, version, ...context }: FetchContext & {
      readonly part: ReceivedPart;
      readonly version: FileVersion;
    },
  ) {
    this.path = order.path;
    this.#order = order;
    this.#context = context;
    this.#part = part;
    this.#patience = new Patience(context.remote.signal);
    this.#queue = new BlockQueue({ version, finished: part.isOf(version) ? part.written : [] });
    this.#digests = new BlockDigests({ size: 0, mtimeMs: 0 });
    part.failed.catch((problem: unknown) => this.#fail(problem));
  }

  get size(): number {
    return this.#queue.version.size;
  }

  get written(): ReceivedPart["written"] {
    return this.#part.written;
  }

  get note(): string | undefined {
    return this.#note ?? this.#patience.note;
  }

  async run(): Promise<FetchedFile> {
    const { remote, onFile } = this.#context;
    const ring = () => this.#bell.ring();
    remote.signal.addEventListener("abort", ring);
    try {
      onFile?.(this);
      return await this.#fetch();
    } catch (problem) {
      await this.#part.abandon(problem);
      throw problem;
    } finally {
      remote.signal.removeEventListener("abort", ring);
    }
  }

  async #fetch(): Promise<FetchedFile> {
    const { overwrite } = this.#order;
    let isFresh = !await this.#goOn();
    for (;;) {
      await this.#fetchBlocks();
      const { version } = this.#queue;
      const root = this.#digests.root();
      const said = blockCount(version.size) > 1 ? await this.#askRoot(version.size) : { ...version, root };
      if (!isSameVersion(said, version)) await this.#startOver(said);
      else if (said.root === root) {
        this.#note = "storing";
        const local = await this.#part.publish({ size: version.size, digest: root, overwrite });
        return { local, version, fetchedBytes: this.#fetchedBytes, digest: { root } };
      } else if (isFresh) {
        throw new CorruptError(
          `All blocks have their digests, but the server's root is ${said.root}, not ${root}`,
        );
      } else await this.#startOver(version);
      isFresh = true;
    }
  }

  /** Goes on with what an earlier run left. @returns Whether there was something. */
  async #goOn(): Promise<boolean> {
    const { version, finished } = this.#queue;
    if (finished.bytes === 0) {
      await this.#part.begin(version);
      this.#digests = new BlockDigests(version);
      return false;
    }
    await this.#part.requireSpace();
    this.#digests = new BlockDigests(version);
    this.#note = "checking what is there";
    const { disk } = this.#order.destination;
    const { signal } = this.#context.remote;
    await this.#digests.readFrom({ disk, path: this.#part.path, ranges: finished, signal });
    this.#note = undefined;
    return true;
  }

  async #startOver(version: FileVersion): Promise<void> {
    this.#queue.restart(version);
    this.#fetchedBytes = 0;
    await this.#part.begin(version);
    this.#digests = new BlockDigests(version);
  }

  /** Fetches all that is missing, of whatever version the server has in the end. */
  async #fetchBlocks(): Promise<void> {
    for (;;) {
      const missing = blockCount(this.#queue.version.size - this.#queue.finished.bytes);
      const count = Math.min(this.#context.connections, missing);
      await Promise.all(Array.from({ length: count }, (_, id) => this.#work(id)));
      this.#context.remote.signal.throwIfAborted();
      if (this.#problem !== undefined) throw this.#problem;
      const { state } = this.#queue;
      if (state.kind === "done") return;
      if (state.kind === "failed" && state.cause === "integrity") throw new CorruptError(state.reason);
      if (state.kind === "failed") throw new Error(state.reason);
      const version = state.kind === "changed" ? state.version : undefined;
      await this.#startOver(version ?? await this.#nowOnServer());
    }
  }

  async #askRoot(size: number): Promise<FileVersion & { readonly root: string | undefined }> {
    this.#note = "verifying";
    try {
      return await this.#context.remote.rootOf(this.path, size);
    } catch (problem) {
      if (!(problem instanceof RefusedError)) throw problem;
      if (problem.code !== ERROR_CODE.changed) throw explained(problem);
      return { ...await this.#nowOnServer(), root: undefined };
    } finally {
      this.#note = undefined;
    }
  }

  async #nowOnServer(): Promise<FileVersion> {
    try {
      return await this.#context.remote.versionOf(this.path);
    } catch (problem) {
      throw explained(problem);
    }
  }

  get #isRunning(): boolean {
    const isWanted = this.#problem === undefined && !this.#context.remote.signal.aborted;
    return isWanted && this.#queue.state.kind === "running";
  }

  /** One connection after another, for as long as there is something to fetch. Never rejects. */
  async #work(id: number): Promise<void> {
    let writer: RangeWriter | undefined;
    try {
      writer = await this.#part.openWriter();
      while (this.#isRunning && await this.#fetchOver(id, writer));
    } catch (problem) {
      this.#fail(problem);
    } finally {
      writer?.close();
    }
  }

  /** Fetches over one connection until it is lost or nothing is left. @returns Whether to try another one. */
  async #fetchOver(id: number, writer: RangeWriter): Promise<boolean> {
    const { remote } = this.#context;
    let connection: XferConnection | undefined;
    try {
      connection = await remote.connectXfer();
      this.#active.set(id, connection);
      this.#queue.join(id, { roundTripMs: connection.roundTripMs, nowMs: performance.now() });
      await this.#pull(id, connection, writer);
      remote.release(connection);
    } catch (problem) {
      connection?.[Symbol.dispose]();
      if (!this.#isRunning) return false;
      // A server that wants no more connections: the others do.
      const isRefused = connection === undefined && problem instanceof ConnectionProblem && !problem.isFinal;
      if (isRefused && this.#active.size > 0) return false;
      this.#leave(id);
      await this.#patience.after(problem);
    } finally {
      this.#leave(id);
    }
    return true;
  }

  #leave(id: number): void {
    this.#active.delete(id);
    this.#queue.leave(id);
    this.#bell.ring();
  }

  /** Returns when nothing is left to do. */
  async #pull(id: number, connection: XferConnection, writer: RangeWriter): Promise<void> {
    const onRead = (bytes: number) => this.#queue.arrived(id, bytes, performance.now());
    while (this.#isRunning) {
      if (!connection.isLeaving) {
        const pieces = this.#queue.pull(id, performance.now());
        for (const piece of pieces) connection.get({ path: this.path, ...piece });
        connection.flush();
      }
      if (connection.pending > 0) await this.#take(id, await connection.next({ onRead }), writer);
      else if (connection.isLeaving) throw new ConnectionProblem("The server is going down");
      else await this.#bell.wait(this.#queue.wakeAtMs);
    }
  }

  async #take(id: number, answer: XferAnswer, writer: RangeWriter): Promise<void> {
    if (answer.type === "refused") return this.#refused(id, answer.refusal);
    if (answer.type !== "data") throw new ServerLiesError("The server sends something else than data");
    const { offset, version, bytes, digest } = answer.block;
    const verdict = this.#queue.received(id, {
      offset,
      length: bytes.length,
      version,
      isIntact: isIntact(answer.block),
    });
    if (verdict === "unasked") {
      throw new ServerLiesError("The server sends another block than it was asked for");
    }
    if (verdict === "store") {
      await writer.write(bytes, offset);
      this.#digests.set(offset, digest);
      this.#fetchedBytes += bytes.length;
      this.#patience.reset();
    } else this.#bell.ring();
    if (!this.#isRunning) this.#endOthers();
  }

  #refused(id: number, refusal: Refusal): void {
    this.#queue.refused(id);
    if (refusal.code === ERROR_CODE.tooMuch) throw new ConnectionProblem(`The server says: ${refusal.text}`);
    if (refusal.code !== ERROR_CODE.changed) throw explained(new RefusedError(refusal));
    this.#queue.changed();
    this.#endOthers();
  }

  #fail(problem: unknown): void {
    this.#problem ??= problem;
    this.#endOthers();
  }

  /** What is still under way is of no use to anybody. */
  #endOthers(): void {
    for (const connection of this.#active.values()) {
      if (connection.pending > 0) connection[Symbol.dispose]();
    }
    this.#bell.ring();
  }
}
