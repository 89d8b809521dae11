import type { ByteRanges } from "./byte_ranges.ts";
import type { Disk } from "./disk.ts";
import { CorruptError } from "./fetched_file.ts";
import { PacedSync } from "./paced_sync.ts";
import type { RangedPart, RangeWriter } from "./ranged_part.ts";
import { createRangedPart, findRangedPart } from "./ranged_parts.ts";
import type { KnownVersion } from "./received_tree.ts";

/** Where a file goes. */
export interface Destination {
  readonly disk: Disk;
  /** Absolute, and there. */
  readonly directory: string;
  /** The name asked for: one name, from `safeRelativePath`. */
  readonly name: string;
  /** Where the file comes from, which no other file does. */
  readonly url: string;
}

/** What an earlier run has left. */
export type Opened =
  | { readonly kind: "part"; readonly part: ReceivedPart }
  /** All of it, of this size: the run died before it could say so. */
  | { readonly kind: "published"; readonly path: string; readonly size: number };

/** The disk has less room than a file needs. */
export class DiskFullError extends Error {
  override readonly name = "DiskFullError";
}

/** A file on its way to the disk. */
export class ReceivedPart {
  readonly #part: RangedPart;
  readonly #paced: PacedSync;
  readonly #failure = Promise.withResolvers<never>();

  private constructor(part: RangedPart) {
    this.#part = part;
    this.#failure.promise.catch(() => {});
    this.#paced = new PacedSync({ sync: () => part.sync(), onFailure: this.#failure.reject });
  }

  /** Finds what an earlier run has left of a file, or makes a new part. */
  static async open({ disk, directory, name, url }: Destination): Promise<Opened> {
    const left = await findRangedPart({ disk, directory }, { url });
    switch (left.kind) {
      case "busy":
        throw new Error(`Another run is at work on ${left.path}`);
      case "published":
        return { kind: "published", path: left.published.path, size: left.published.fileSize };
      case "part":
        return { kind: "part", part: new ReceivedPart(left.part) };
      case "nothing":
        return {
          kind: "part",
          part: new ReceivedPart(await createRangedPart({ disk, directory }, { url, name })),
        };
    }
  }

  /**
   * As {@linkcode ReceivedPart.open}, but what an earlier run has published is only told of if it is this version;
   * one without a time is known by its size.
   *
   * @throws {Error} Another run is at work on it, or has just fetched it.
   */
  static async openUnlessThere(destination: Destination, version: KnownVersion): Promise<Opened> {
    const opened = await ReceivedPart.open(destination);
    if (opened.kind === "part" || await isVersion(opened, version, destination.disk)) return opened;
    // To have been told of the other version has removed the last of it.
    const again = await ReceivedPart.open(destination);
    if (again.kind !== "part") throw new Error(`Another run has just fetched ${again.path}`);
    return again;
  }

  /** The part itself. */
  get path(): string {
    return this.#part.path;
  }

  /** What is there. */
  get written(): ByteRanges {
    return this.#part.written;
  }

  /** Rejects when what was written could not be made durable, and else never settles. */
  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  /** Whether what is there is of a version. */
  isOf({ size, mtimeMs }: KnownVersion): boolean {
    const { version } = this.#part;
    return version !== undefined && version.size === size && version.mtimeMs === mtimeMs;
  }

  /**
   * Starts over with a version of the file. No writer may be in use.
   *
   * @throws {DiskFullError} It does not fit.
   */
  async begin({ size, mtimeMs }: KnownVersion): Promise<void> {
    await this.#part.begin({ size, mtimeMs, validators: {} });
    await this.requireSpace();
  }

  /** @throws {DiskFullError} What is missing does not fit. */
  async requireSpace(): Promise<void> {
    const missing = await this.#part.missingSpace();
    if (missing > 0) throw new DiskFullError(`The disk is too full: ${missing} bytes are missing`);
  }

  /** Opens a handle to write with. What was written is made durable now and then. */
  async openWriter(): Promise<RangeWriter> {
    const writer = await this.#part.openWriter();
    return {
      write: async (bytes, at) => {
        await writer.write(bytes, at);
        this.#paced.written(performance.now());
      },
      close: () => writer.close(),
    };
  }

  /**
   * Gives the file its final name and its time, durably. Writers have to be closed.
   *
   * @param options `digest`: what the whole was compared by; a plain server has nothing of the kind.
   * @returns The path.
   */
  async publish(
    { size, digest, overwrite }: {
      readonly size: number;
      readonly digest: string | undefined;
      readonly overwrite: boolean;
    },
  ): Promise<string> {
    return (await this.#part.publish({ size, sha256: digest ?? "", overwrite })).path;
  }

  /** Deletes what there is. Writers have to be closed. */
  async discard(): Promise<void> {
    await this.#part.discard();
  }

  /** Leaves what there is to a later run; without a byte there is nothing to leave. Writers have to be closed. */
  async close(): Promise<void> {
    await (this.#part.written.bytes === 0 ? this.#part.discard() : this.#part.close());
  }

  /**
   * Ends without the file: what is corrupt is deleted, all else stays for a later run. A file that has gone from the
   * server may come back, as those of a disk do that was not mounted for a while. Never throws.
   */
  async abandon(problem: unknown): Promise<void> {
    await (problem instanceof CorruptError ? this.discard() : this.close()).catch(() => {});
  }
}

async function isVersion(
  { path, size }: Extract<Opened, { kind: "published" }>,
  version: KnownVersion,
  disk: Disk,
): Promise<boolean> {
  if (version.mtimeMs === undefined) return size === version.size;
  const found = await disk.stat(path);
  return found?.size === version.size && found.mtimeMs === version.mtimeMs;
}
