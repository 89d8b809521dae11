import { ConnectionProblem } from "../../net/connection_problem.ts";
import type { CatalogueEntry } from "../../store/catalogue_entries.ts";
import type { Answered } from "./connect.ts";
import { Connection, type PathReport } from "./connection.ts";
import {
  ControlError,
  type EntriesPage,
  type GetRequest,
  MAX_REQUEST,
  messageLine,
  parseServerMessage,
  rangePairs,
  type Refusal,
} from "./control_messages.ts";
import { EarlyFile } from "./early_file.ts";
import { FIRST_FILE, FIRST_LIST, firstLine, type FirstRequest } from "./first_request.ts";
import { Link } from "./link.ts";
import { CLOSE_CODE, PacketHead, readPacket } from "./packets.ts";
import {
  addPage,
  type FileRequest,
  type FileSink,
  type Getting,
  type Listing,
  RefusedError,
} from "./requests.ts";
import { nowUs } from "./udp_socket.ts";

/** A connection to a server of XUDP/1. */
export class XudpConnection implements Disposable {
  readonly kind = "xudp";
  readonly #connection: Connection;
  readonly #link: Link;
  readonly #answered: Answered;
  readonly #asked = new Map<number, Listing | Getting>();
  readonly #head = new PacketHead();
  readonly #unlisten: () => void;
  #lastRequest = 0;
  /** The list that OPEN has asked for. */
  #first:
    | { readonly path: string; readonly listed: Promise<readonly CatalogueEntry[] | undefined> }
    | undefined;
  /** The file that may come with it. */
  #early: EarlyFile | undefined;
  #isOver = false;

  /** Takes over a connection that was opened. @param options `first`: what OPEN asked. `signal` ends it. */
  constructor(
    answered: Answered,
    state: Extract<Answered["state"], { kind: "opened" }>,
    { first, signal }: { readonly first: FirstRequest | undefined; readonly signal: AbortSignal },
  ) {
    this.#answered = answered;
    const { socket, to, windowBytes, isLoopback } = answered;
    this.#connection = new Connection({
      nowUs: nowUs(),
      connection: state.connection,
      peerCreditBytes: state.creditBytes,
      windowBytes,
      roundTripUs: state.roundTripUs,
      isLoopback,
      keepsAlive: true,
      events: {
        control: (line) => this.#take(line),
        content: (file, offset, bytes) => this.#content(file, offset, bytes),
        // A client offers no files.
        delivered: () => {},
      },
    });
    this.#link = new Link({ socket, connection: this.#connection, to, onTurn: () => this.#afterTurn() });
    const onAbort = () => this[Symbol.dispose]();
    signal.addEventListener("abort", onAbort, { once: true });
    this.#unlisten = () => signal.removeEventListener("abort", onAbort);
    // Before what has come already is delivered: its answer may be among it.
    if (first !== undefined && firstLine(first) !== undefined) this.#expectFirst(first);
    answered.deliverTo((datagram, from) => {
      if (this.#link.isFrom(from) && readPacket(datagram, this.#head)) {
        this.#link.receive(datagram, this.#head);
      }
    });
  }

  /** Whether it can be asked more. */
  get isOpen(): boolean {
    return !this.#isOver && this.#lastRequest < MAX_REQUEST;
  }

  get path(): PathReport {
    return this.#connection.path;
  }

  /**
   * What is at and below a path; "" is all.
   *
   * @returns `undefined`: there is no such path.
   * @throws {ConnectionProblem} The connection is over.
   * @throws {RefusedError}
   */
  async list(path: string): Promise<readonly CatalogueEntry[] | undefined> {
    const first = this.#first;
    this.#first = undefined;
    if (first?.path === path) return await first.listed;
    this.#dropEarly();
    const { promise, resolve, reject } = Promise.withResolvers<readonly CatalogueEntry[] | undefined>();
    const id = this.#next({ kind: "list", found: [], characters: 0, resolve, reject });
    this.#say(messageLine({ list: { id, path } }));
    return await promise;
  }

  /**
   * Gets ranges of a file.
   *
   * @param sink What it takes is to be given back with {@linkcode XudpConnection.consumed} once it is stored.
   * @returns The digest that was asked for, when all bytes are there.
   * @throws {ConnectionProblem} The connection is over.
   * @throws {RefusedError}
   */
  async get(
    wanted: FileRequest,
    sink: FileSink,
  ): Promise<{ readonly id: number; readonly sha256: string }> {
    const early = this.#early;
    if (early?.answers(wanted)) {
      this.#early = undefined;
      early.handTo(sink);
      return { id: FIRST_FILE, sha256: await early.sha256 };
    }
    this.#dropEarly();
    const { path, version, ranges, digest } = wanted;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const missingBytes = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
    const id = this.#next({ kind: "get", sink, missingBytes, sha256: undefined, resolve, reject });
    const request: GetRequest = {
      id,
      path,
      ...version,
      ranges: rangePairs(ranges),
      digest: [digest.from, digest.to],
    };
    this.#connection.expect(id, ranges);
    this.#say(messageLine({ get: request }));
    return { id, sha256: await promise };
  }

  /** The server is told that a file is stored. */
  done(id: number): void {
    this.#say(messageLine({ done: { id } }));
  }

  /** The server is told that nothing more is wanted of a file. */
  cancel(id: number): void {
    this.#say(messageLine({ cancel: { id } }));
  }

  /** What came takes so many bytes of memory less. */
  consumed(bytes: number): void {
    this.#connection.consumed(bytes);
    this.#link.turn();
  }

  /** Ends it, and tells the server. What is under way rejects. */
  [Symbol.dispose](): void {
    this.#connection.close(CLOSE_CODE.done, "");
    this.#link.turn();
    this.#end("it was closed");
  }

  #expectFirst({ list, isWanted }: FirstRequest): void {
    const { promise, resolve, reject } = Promise.withResolvers<readonly CatalogueEntry[] | undefined>();
    this.#next({ kind: "list", found: [], characters: 0, resolve, reject });
    this.#first = { path: list, listed: promise };
    // Who lists something else never asks for it.
    promise.catch(() => {});
    if (isWanted) this.#expectEarly();
  }

  #expectEarly(): void {
    this.#early = new EarlyFile();
    this.#connection.expectUnbounded(this.#next(this.#early.getting));
  }

  /** It is known which file comes early, or that none does. @throws {Violation} */
  #knowEarly(early: EarlyFile, entry: CatalogueEntry | undefined): void {
    this.#connection.bound(FIRST_FILE, entry?.size ?? 0);
    if (entry === undefined) {
      this.#asked.delete(FIRST_FILE);
      this.#early = undefined;
    } else {
      early.listed(entry);
      this.#settle(FIRST_FILE, early.getting);
    }
  }

  /** What is asked for next is not what may come early. */
  #dropEarly(): void {
    const early = this.#early;
    if (early === undefined) return;
    this.#early = undefined;
    this.#connection.discard(FIRST_FILE);
    this.cancel(FIRST_FILE);
    this.consumed(early.bytes);
  }

  #next(asked: Listing | Getting): number {
    if (!this.isOpen) throw new ConnectionProblem("The connection is over");
    this.#lastRequest++;
    this.#asked.set(this.#lastRequest, asked);
    return this.#lastRequest;
  }

  #say(line: string): void {
    if (this.#isOver) return;
    this.#connection.sendControl(line);
    this.#link.turn();
  }

  #take(line: string): void {
    try {
      const message = parseServerMessage(line);
      if ("entries" in message) this.#listed(message.entries);
      else if ("end" in message) this.#ended(message.end.id, message.end.sha256);
      else this.#refused(message.error);
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      this.#connection.close(CLOSE_CODE.violation, error.message);
    }
  }

  #listed({ id, entries, more, get }: EntriesPage): void {
    const asked = this.#asked.get(id);
    if (asked?.kind !== "list") throw new ControlError("A list that nobody asked for");
    addPage(asked, { entries, more });
    if (more) return;
    this.#asked.delete(id);
    if (id === FIRST_LIST && this.#early !== undefined) {
      this.#knowEarly(this.#early, get === FIRST_FILE ? entries[0] : undefined);
    }
    asked.resolve(asked.found);
  }

  #content(file: number, offset: number, bytes: Uint8Array): void {
    const asked = this.#asked.get(file);
    if (asked?.kind !== "get") return;
    asked.missingBytes -= bytes.length;
    asked.sink(offset, bytes);
    if (asked.missingBytes === 0) this.#settle(file, asked);
  }

  #ended(id: number, sha256: string): void {
    const asked = this.#asked.get(id);
    if (asked?.kind !== "get") throw new ControlError("The end of a file that nobody asked for");
    asked.sha256 = sha256;
    this.#settle(id, asked);
  }

  #settle(id: number, { missingBytes, sha256, resolve }: Getting): void {
    if (missingBytes > 0 || sha256 === undefined) return;
    this.#asked.delete(id);
    resolve(sha256);
  }

  #refused(refusal: Refusal): void {
    const asked = this.#asked.get(refusal.id);
    if (asked === undefined) return;
    this.#asked.delete(refusal.id);
    if (refusal.id === FIRST_FILE) this.#early = undefined;
    if (asked.kind === "list" && refusal.code === "notFound") return asked.resolve(undefined);
    if (asked.kind === "get") this.#connection.settle(refusal.id, refusal.sentBytes);
    asked.reject(new RefusedError(refusal));
  }

  #afterTurn(): void {
    const { state } = this.#connection;
    if (state.kind === "open") return;
    const { socket } = this.#answered;
    switch (state.by) {
      case "us":
        return this.#end(`it was broken off: ${state.reason}`);
      case "peer":
        return this.#end(
          state.reason === "" ? "the server has closed it" : `the server says: ${state.reason}`,
        );
      case "silence":
        return this.#end(socket.problem === undefined ? state.reason : `${state.reason} (${socket.problem})`);
    }
  }

  #end(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#unlisten();
    this.#link[Symbol.dispose]();
    this.#answered.socket[Symbol.dispose]();
    for (const { reject } of this.#asked.values()) {
      reject(new ConnectionProblem(`The connection is over: ${reason}`));
    }
    this.#asked.clear();
  }
}
