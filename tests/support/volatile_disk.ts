import { basename, dirname } from "@std/path";
import type { Disk, DiskEntry, DiskFile, Move, WholeFile } from "../../store/disk.ts";

/** The power is gone: every call from here on fails with this. */
export class PowerLoss extends Error {}

/** One write that is not synced yet, or a new length. */
type Change = { readonly at: number; readonly bytes: Uint8Array } | { readonly length: number };

interface Inode {
  readonly id: number;
  readonly kind: "file" | "directory";
  mtimeMs: number;
  /** What reading sees. */
  content: Uint8Array;
  /** What is on the platter, and what is not yet, in order. */
  durable: Uint8Array;
  unsynced: Change[];
  entries: Map<string, Inode>;
  durableEntries: Map<string, Inode>;
  /** Changes of names that no sync of the directory has made durable. */
  unsyncedNames: NameChange[][];
}

/** A name that came to stand for a file, or for none. Several at a time are done whole or not at all. */
interface NameChange {
  readonly name: string;
  readonly inode: Inode | undefined;
}

/**
 * A file system in memory that forgets, when the power goes, whatever was not synced: of the writes to a
 * file any subset may have reached the platter, each whole or in part, and of the names changed in a
 * directory any subset too, save that a rename is one change.
 */
export class VolatileDisk implements Disk {
  bootId: string | undefined = "boot-1";
  #root: Inode;
  #inodes = 0;
  #calls = 0;
  #boots = 1;
  #random: () => number;
  /** The power goes at this call, counted from the last start. */
  #lossAt = Infinity;
  #free = Infinity;
  #locks = new Set<Inode>();

  constructor(random: () => number) {
    this.#random = random;
    this.#root = this.#inode("directory");
  }

  /** Calls since the last start. */
  get calls(): number {
    return this.#calls;
  }

  /** Lets the power go at the call of this number. */
  losePowerAt(call: number): void {
    this.#lossAt = call;
  }

  /** Lets so many more bytes be written. */
  limit(bytes: number): void {
    this.#free = bytes;
  }

  /** Starts the machine again, after a loss of power or (`crash`) after the program alone has died. */
  restart(kind: "power" | "crash"): void {
    this.#calls = 0;
    this.#lossAt = Infinity;
    this.#locks.clear();
    if (kind === "crash") return;
    this.bootId = `boot-${++this.#boots}`;
    this.#lose(this.#root, new Set());
  }

  async create(path: string): Promise<DiskFile> {
    await this.#call();
    const { parent, name } = this.#place(path);
    if (parent.entries.has(name)) throw new Deno.errors.AlreadyExists(path);
    const inode = this.#inode("file");
    this.#name(parent, name, inode);
    return this.#file(inode);
  }

  async createWhole(files: readonly WholeFile[]): Promise<void> {
    for (const { path, bytes, mtimeMs } of files) {
      const file = await this.create(path);
      await file.writeAt(bytes, 0);
      await this.setModified(path, mtimeMs);
      await file.sync();
    }
  }

  async moveToFree(moves: readonly Move[]): Promise<ReadonlySet<Move>> {
    const linked = new Set<Move>();
    for (const move of moves) {
      try {
        await this.link(move.from, move.to);
      } catch (error) {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
        continue;
      }
      linked.add(move);
    }
    for (const { from } of linked) await this.remove(from);
    return linked;
  }

  async open(path: string): Promise<DiskFile> {
    await this.#call();
    return this.#file(this.#find(path));
  }

  async stat(path: string): Promise<DiskEntry | undefined> {
    await this.#call();
    try {
      const { kind, content, id, mtimeMs } = this.#find(path);
      return { kind, size: content.length, id: String(id), mtimeMs };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  async list(path: string): Promise<{ name: string; kind: DiskEntry["kind"] }[]> {
    await this.#call();
    return [...this.#find(path).entries].map(([name, { kind }]) => ({ name, kind }));
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#call();
    const { parent, name } = this.#place(path);
    if (parent.entries.has(name)) throw new Deno.errors.AlreadyExists(path);
    this.#name(parent, name, this.#inode("directory"));
  }

  async link(from: string, to: string): Promise<void> {
    await this.#call();
    const { parent, name } = this.#place(to);
    if (parent.entries.has(name)) throw new Deno.errors.AlreadyExists(to);
    this.#name(parent, name, this.#find(from));
  }

  async setModified(path: string, mtimeMs: number): Promise<void> {
    await this.#call();
    this.#find(path).mtimeMs = mtimeMs;
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#call();
    const inode = this.#find(from);
    const source = this.#place(from);
    const target = this.#place(to);
    if (source.parent !== target.parent) throw new TypeError("Only within one directory here");
    source.parent.entries.delete(source.name);
    target.parent.entries.set(target.name, inode);
    source.parent.unsyncedNames.push([{ name: target.name, inode }, { name: source.name, inode: undefined }]);
  }

  async remove(path: string): Promise<void> {
    await this.#call();
    const inode = this.#find(path);
    if (inode.entries.size > 0) throw new Error("Directory not empty");
    const { parent, name } = this.#place(path);
    this.#name(parent, name, undefined);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#call();
    const inode = this.#find(path);
    inode.durableEntries = new Map(inode.entries);
    inode.unsyncedNames = [];
  }

  async lock(path: string): Promise<{ close(): void } | undefined> {
    await this.#call();
    const inode = this.#find(path);
    if (this.#locks.has(inode)) return undefined;
    this.#locks.add(inode);
    return { close: () => void this.#locks.delete(inode) };
  }

  async freeBytes(): Promise<number> {
    await this.#call();
    return this.#free;
  }

  #file(inode: Inode): DiskFile {
    return {
      writeAt: async (bytes, offset) => {
        const change = { at: offset, bytes: bytes.slice() };
        // A write that the power interrupts may have been done in part.
        await this.#call(() => inode.unsynced.push(change));
        if (bytes.length > this.#free) {
          throw Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
        }
        this.#free -= bytes.length;
        inode.unsynced.push(change);
        inode.content = applied(inode.content, change);
      },
      readAt: async (buffer, offset) => {
        await this.#call();
        const bytes = inode.content.subarray(offset, offset + buffer.length);
        buffer.set(bytes);
        return bytes.length;
      },
      truncate: async (length) => {
        await this.#call();
        inode.unsynced.push({ length });
        inode.content = applied(inode.content, { length });
      },
      sync: async () => {
        const seen = inode.unsynced.length;
        const content = inode.content;
        await this.#call();
        inode.durable = content;
        inode.unsynced = inode.unsynced.slice(seen);
      },
      close: () => {},
    };
  }

  // deno-lint-ignore require-await -- a real disk answers later, never in the same turn
  async #call(interrupted = () => {}): Promise<void> {
    if (this.#calls === this.#lossAt) interrupted();
    if (this.#calls++ >= this.#lossAt) throw new PowerLoss("the power is gone");
  }

  #inode(kind: Inode["kind"]): Inode {
    const empty = new Uint8Array(0);
    const names = { entries: new Map(), durableEntries: new Map(), unsyncedNames: [] };
    return { id: ++this.#inodes, kind, mtimeMs: 0, content: empty, durable: empty, unsynced: [], ...names };
  }

  #name(parent: Inode, name: string, inode: Inode | undefined): void {
    if (inode === undefined) parent.entries.delete(name);
    else parent.entries.set(name, inode);
    parent.unsyncedNames.push([{ name, inode }]);
  }

  #find(path: string): Inode {
    let inode = this.#root;
    for (const part of path.split("/").filter((each) => each !== "")) {
      const next = inode.entries.get(part);
      if (next === undefined) throw new Deno.errors.NotFound(path);
      inode = next;
    }
    return inode;
  }

  #place(path: string): { readonly parent: Inode; readonly name: string } {
    return { parent: this.#find(dirname(path)), name: basename(path) };
  }

  #lose(inode: Inode, seen: Set<Inode>): void {
    if (seen.has(inode)) return;
    seen.add(inode);
    let content = inode.durable;
    for (const change of inode.unsynced) {
      const fate = this.#random();
      if (fate < 0.4) content = applied(content, change);
      else if (fate < 0.6 && "bytes" in change) {
        const some = change.bytes.subarray(0, Math.floor(this.#random() * change.bytes.length));
        content = applied(content, { at: change.at, bytes: some });
      } else if (fate < 0.7 && "bytes" in change) {
        // The length reached the platter, the bytes did not.
        content = applied(content, { at: change.at, bytes: new Uint8Array(change.bytes.length) });
      }
    }
    inode.content = inode.durable = content;
    inode.unsynced = [];
    const entries = new Map(inode.durableEntries);
    for (const { name, inode: named } of inode.unsyncedNames.filter(() => this.#random() < 0.5).flat()) {
      if (named === undefined) entries.delete(name);
      else entries.set(name, named);
    }
    inode.entries = entries;
    inode.durableEntries = new Map(entries);
    inode.unsyncedNames = [];
    for (const child of entries.values()) this.#lose(child, seen);
  }
}

function applied(content: Uint8Array, change: Change): Uint8Array {
  if ("length" in change) {
    const cut = new Uint8Array(change.length);
    cut.set(content.subarray(0, change.length));
    return cut;
  }
  const longer = new Uint8Array(Math.max(content.length, change.at + change.bytes.length));
  longer.set(content);
  longer.set(change.bytes, change.at);
  return longer;
}
