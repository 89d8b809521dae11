import { type FileVersion, isSameVersion } from "./file_version.ts";
import { isSameFile, modifiedMs } from "./offered_path.ts";
import { type FileSource, type SharedFile, SharedFiles } from "./shared_files.ts";

/** A file as a request found it. It is read as that, or not at all. */
export interface FoundFile {
  readonly path: string;
  readonly version: FileVersion;
  readonly info: Deno.FileInfo;
}

/** A file is not any more what it was when it was asked for. */
export class FileChangedError extends Error {
  override readonly name = "FileChangedError";
}

/** The system does not let a file be read. */
export class UnreadableError extends Error {
  override readonly name = "UnreadableError";
}

/** How long a file stays open that nobody reads, in milliseconds. */
const UNUSED_MS = 5_000;

/** The files that a server gives out: a bounded number of them open, and each read as it was found. */
export class FoundFiles implements Disposable {
  readonly #open: SharedFiles;

  /** @param options `maxOpen`: most files open at a time. */
  constructor(source: FileSource, { maxOpen }: { readonly maxOpen: number }) {
    this.#open = new SharedFiles(source, { maxOpen });
  }

  /**
   * The file that stands at a path now.
   *
   * @returns `undefined`: there is none.
   * @throws {UnreadableError}
   */
  find(path: string): FoundFile | undefined {
    return readable(() => {
      const info = this.#open.find(path, performance.now())?.stat();
      return info && foundAt(path, info);
    });
  }

  /**
   * Finds a file and reads it at one go, without waiting for anything.
   *
   * @returns What was found, all of it being at the beginning of the buffer; `undefined`: {@linkcode FoundFiles.find}
   * tells why.
   */
  readAtOnce(path: string, buffer: Uint8Array): FoundFile | undefined {
    const info = this.#open.readAtOnce(path, buffer);
    return info && foundAt(path, info);
  }

  /**
   * Fills a buffer with what a file has from an offset on.
   *
   * @throws {FileChangedError} It is not the file that was found, or has no such bytes.
   * @throws {UnreadableError}
   */
  async read(file: FoundFile, offset: number, buffer: Uint8Array): Promise<void> {
    const shared = this.#again(file);
    const { count, info } = await shared.use(async () => {
      try {
        return { count: await shared.read(buffer, offset), info: shared.stat() };
      } catch (error) {
        throw unreadable(error);
      }
    });
    if (info.nlink === 0) throw new FileChangedError("It was deleted or replaced");
    const version = { size: info.size, mtimeMs: modifiedMs(info) };
    if (!isSameVersion(version, file.version) || count < buffer.length) {
      throw new FileChangedError("It was written to");
    }
  }

  /**
   * What the system says now of a file that was found.
   *
   * @throws {FileChangedError} Another one is at its path.
   * @throws {UnreadableError}
   */
  infoNow(file: FoundFile): Deno.FileInfo {
    return readable(() => this.#again(file).stat());
  }

  /** Closes the files that nobody reads at present. To be called now and then. */
  closeUnused(): void {
    this.#open.closeUnused(performance.now() - UNUSED_MS);
  }

  [Symbol.dispose](): void {
    this.#open[Symbol.dispose]();
  }

  #again({ path, info }: FoundFile): SharedFile {
    const shared = readable(() => this.#open.again(path, performance.now()));
    if (shared !== undefined && isSameFile(readable(() => shared.stat()), info)) return shared;
    throw new FileChangedError("It was deleted or replaced");
  }
}

function foundAt(path: string, info: Deno.FileInfo): FoundFile {
  return { path, version: { size: info.size, mtimeMs: modifiedMs(info) }, info };
}

/** Changes with whatever is written to a file, and with the file itself. */
export function keyOf({ dev, ino, size, mtime, ctime }: Deno.FileInfo): string {
  return `${dev}:${ino}:${size}:${mtime?.getTime()}:${ctime?.getTime()}`;
}

/** Calls the file system. @throws {UnreadableError} It refuses. */
function readable<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw unreadable(error);
  }
}

function unreadable(cause: unknown): unknown {
  if (cause instanceof FileChangedError || cause instanceof UnreadableError) return cause;
  return new UnreadableError(cause instanceof Error ? cause.message : String(cause), { cause });
}
