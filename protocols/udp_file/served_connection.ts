import type { Catalogue } from "../../store/catalogue.ts";
import { isSameVersion } from "../../store/file_version.ts";
import { FileChangedError, type FoundFile, type FoundFiles } from "../../store/found_files.ts";
import { OneByOne } from "../../store/one_by_one.ts";
import { Connection, type ConnectionOptions, type ContentSource } from "./connection.ts";
import {
  ControlError,
  type GetRequest,
  type ListRequest,
  messageLine,
  parseClientMessage,
  type RefusalCode,
} from "./control_messages.ts";
import { Link, type LinkOptions } from "./link.ts";
import { CLOSE_CODE, type PacketHead } from "./packets.ts";
import type { FileReader, ReadAhead } from "./read_ahead.ts";
import type { ServedEvent } from "./served_event.ts";
import { ServedLists } from "./served_lists.ts";

/** Files that one connection may be given at a time. */
const MAX_FILES = 256;
/** Of a client that asks and takes no answers, so many bytes of them are kept. */
const MAX_BACKLOG_BYTES = 1024 * 1024;

/** Of many small files each would be a line in the log. */
const TOLD_FROM_BYTES = 1024 * 1024;

/** Options of {@linkcode ServedConnection}. */
export interface ServedConnectionOptions {
  readonly core: Omit<ConnectionOptions, "events" | "source">;
  readonly link: Pick<LinkOptions, "socket" | "to" | "bucket">;
  readonly catalogue: Catalogue;
  readonly files: FoundFiles;
  readonly readAhead: ReadAhead;
  readonly onEvent: (event: ServedEvent) => void;
  /** Called once, when it is over. */
  readonly onEnd: () => void;
}

/** A file that a client is being given. */
interface Giving {
  readonly request: GetRequest;
  readonly reader: FileReader;
  readonly bytes: number;
  readonly startedMs: number;
  /** Where the last of what was asked for ends. */
  readonly lastByte: number;
  isEndAsked: boolean;
}

/** One client of XUDP/1: answers what it asks over the control stream, and sends the files. */
export class ServedConnection implements ContentSource {
  readonly #options: ServedConnectionOptions;
  readonly #connection: Connection;
  readonly #link: Link;
  readonly #giving = new Map<number, Giving>();
  readonly #hashing = new OneByOne();
  readonly #lists: ServedLists;
  readonly #startedMs = performance.now();
  #files = 0;
  #bytes = 0;
  #isOver = false;

  constructor(options: ServedConnectionOptions) {
    this.#options = options;
    this.#lists = new ServedLists(options.catalogue);
    this.#connection = new Connection({
      ...options.core,
      source: this,
      events: {
        control: (line) => this.#take(line),
        // A client sends no files.
        content: () => {},
        // It is the client that says when it has a file.
        delivered: () => {},
      },
    });
    this.#link = new Link({ ...options.link, connection: this.#connection, onTurn: () => this.#afterTurn() });
  }

  /** Whether a packet is from the client. */
  isFrom(address: Deno.NetAddr): boolean {
    return this.#link.isFrom(address);
  }

  /** Takes the line that came with OPEN. */
  begin(line: string): void {
    this.#take(line);
    this.#link.turn();
  }

  receive(packet: Uint8Array, head: PacketHead): void {
    this.#link.receive(packet, head);
  }

  /** See {@linkcode ContentSource}. */
  fill(file: number, offset: number, target: Uint8Array): number {
    const giving = this.#giving.get(file);
    if (giving === undefined) return 0;
    const length = giving.reader.fill(offset, target);
    if (offset + length === giving.lastByte) this.#askEnd(giving);
    return length;
  }

  /** Tells the client that it is over. */
  close(code: number, reason: string): void {
    this.#connection.close(code, reason);
    this.#link.turn();
  }

  #take(line: string): void {
    this.#asked(() => {
      const message = parseClientMessage(line);
      if ("list" in message) void this.#list(message.list);
      else if ("get" in message) this.#get(message.get);
      else if ("done" in message) this.#done(message.done.id);
      else this.#stop(message.cancel.id, "cancelled", "The client has cancelled it");
    });
  }

  /** Does what was asked; what can't be asked ends the connection. */
  #asked(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      this.#connection.close(CLOSE_CODE.violation, error.message);
    }
  }

  async #list({ id, path, get }: ListRequest): Promise<void> {
    if (!this.#lists.hasRoom) return this.#refuse(id, "tooMuch", "Too many lists at a time");
    const paths = await this.#lists.find(path);
    if (this.#isOver) return;
    if (paths === undefined) this.#refuse(id, "notFound", "There is no such path");
    else this.#giveList({ id, path, get }, paths);
    this.#link.turn();
  }

  #giveList({ id, path, get }: ListRequest, paths: readonly string[]): void {
    const file = get === undefined ? undefined : this.#lists.file(path);
    if (get === undefined || file === undefined) return this.#lists.give(id, { paths, get: undefined });
    this.#lists.give(id, { paths, get });
    // Before the file: its entry tells what it is.
    this.#feedLists();
    const { size, mtimeMs } = file;
    this.#asked(() => this.#get({ id: get, path, size, mtimeMs, ranges: [[0, size]], digest: [0, size] }));
  }

  #feedLists(): void {
    this.#lists.feed({
      backlogBytes: () => this.#connection.controlBacklogBytes,
      send: (line) => this.#connection.sendControl(line),
    });
  }

  #get(request: GetRequest): void {
    const { id, path } = request;
    if (this.#giving.has(id)) throw new ControlError(`Request ${id} is under way`);
    if (this.#giving.size >= MAX_FILES) return this.#refuse(id, "tooMuch", "Too many files at a time");
    let found: FoundFile | undefined;
    try {
      found = this.#options.files.find(path);
    } catch (problem) {
      return this.#unreadable(id, path, problem);
    }
    if (found === undefined) return this.#refuse(id, "notFound", "There is no such file");
    const { version } = found;
    const ends = [request.digest, ...request.ranges].map(([, to]) => to);
    if (!isSameVersion(version, request) || ends.some((to) => to > version.size)) {
      return this.#refuse(id, "changed", "It is not any more what was listed");
    }
    this.#give(request, found);
  }

  #give(request: GetRequest, found: FoundFile): void {
    const { id, path } = request;
    const ranges = request.ranges.map(([from, to]) => ({ from, to }));
    const reader = this.#options.readAhead.open(found, {
      hashing: this.#hashing,
      onReady: () => {
        this.#connection.wake();
        this.#link.turn();
      },
      onFailure: (problem) => this.#unreadable(id, path, problem),
    });
    const bytes = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
    const lastByte = ranges.at(-1)?.to ?? 0;
    const giving = { request, reader, bytes, startedMs: performance.now(), lastByte, isEndAsked: false };
    this.#giving.set(id, giving);
    this.#files++;
    this.#connection.offer(id, ranges);
    // What is sent from the digest's beginning is hashed as it goes; else that takes a while, so now.
    if (bytes === 0 || ranges[0]?.from !== request.digest[0]) this.#askEnd(giving);
  }

  /** Tells the digest as soon as it is known. */
  #askEnd(giving: Giving): void {
    if (giving.isEndAsked) return;
    giving.isEndAsked = true;
    const { request: { id, path, digest: [from, to] }, reader } = giving;
    reader.digest({ from, to }).then(
      (sha256) => {
        if (this.#giving.get(id) !== giving) return;
        this.#connection.sendControl(messageLine({ end: { id, sha256 } }));
        this.#link.turn();
      },
      (problem: unknown) => {
        if (this.#giving.get(id) === giving) this.#unreadable(id, path, problem);
      },
    );
  }

  /** The client has a file, and it is what it should be. */
  #done(request: number): void {
    const giving = this.#giving.get(request);
    if (giving === undefined) return;
    const { request: { path }, bytes, startedMs } = giving;
    this.#connection.withdraw(request);
    this.#forget(giving);
    this.#bytes += bytes;
    if (bytes < TOLD_FROM_BYTES) return;
    const seconds = (performance.now() - startedMs) / 1000;
    this.#options.onEvent({ type: "served", address: this.#options.link.to.hostname, path, bytes, seconds });
  }

  #forget({ request, reader }: Giving): void {
    this.#giving.delete(request.id);
    reader[Symbol.dispose]();
  }

  #unreadable(request: number, path: string, problem: unknown): void {
    const reason = problem instanceof Error ? problem.message : String(problem);
    const type = problem instanceof FileChangedError ? "changed" : "unreadable";
    this.#options.onEvent({ type, address: this.#options.link.to.hostname, path, reason });
    if (this.#giving.has(request)) this.#stop(request, type, reason);
    else this.#refuse(request, type, reason);
    this.#link.turn();
  }

  /** Sends nothing more of a file. */
  #stop(request: number, code: RefusalCode, text: string): void {
    const giving = this.#giving.get(request);
    if (giving === undefined) return;
    const sentBytes = this.#connection.withdraw(request);
    this.#forget(giving);
    this.#bytes += sentBytes;
    this.#connection.sendControl(messageLine({ error: { id: request, code, text, sentBytes } }));
  }

  #refuse(request: number, code: RefusalCode, text: string): void {
    this.#connection.sendControl(messageLine({ error: { id: request, code, text, sentBytes: 0 } }));
  }

  #afterTurn(): void {
    const { state } = this.#connection;
    if (state.kind === "open") {
      if (this.#connection.controlBacklogBytes > MAX_BACKLOG_BYTES) {
        return this.close(CLOSE_CODE.violation, "More was asked than answers are taken");
      }
      return this.#feedLists();
    }
    if (this.#isOver || this.#connection.wakeAtUs !== Infinity) return;
    this.#end(state.reason);
  }

  #end(reason: string): void {
    this.#isOver = true;
    this.#link[Symbol.dispose]();
    for (const [request, { reader }] of this.#giving) {
      this.#bytes += this.#connection.withdraw(request);
      reader[Symbol.dispose]();
    }
    this.#giving.clear();
    const { roundTripUs, lostPackets, sentPackets } = this.#connection.path;
    this.#options.onEvent({
      type: "closed",
      address: this.#options.link.to.hostname,
      files: this.#files,
      bytes: this.#bytes,
      seconds: (performance.now() - this.#startedMs) / 1000,
      roundTripMs: roundTripUs / 1000,
      lostPackets,
      sentPackets,
      reason,
    });
    this.#options.onEnd();
  }
}
