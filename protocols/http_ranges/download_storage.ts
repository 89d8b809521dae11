import type { ByteRange } from "../../store/byte_ranges.ts";
import type { Disk } from "../../store/disk.ts";
import { PacedSync } from "../../store/paced_sync.ts";
import { type PrefixDigest, prefixDigest } from "../../store/prefix_digest.ts";
import type { Published } from "../../store/publishing.ts";
import type { RangedPart, RangeWriter } from "../../store/ranged_part.ts";
import { createRangedPart, findRangedPart } from "../../store/ranged_parts.ts";
import type { KeptDownload } from "./scheduler_state.ts";
import type { Validators } from "./validators.ts";

/** Options of {@linkcode DownloadStorage}. */
export interface StorageOptions {
  readonly disk: Disk;
  /** Absolute. */
  readonly directory: string;
  /** Without user and password: it is written into the journal. */
  readonly url: string;
  /** The final name, if it is known beforehand. */
  readonly name: string | undefined;
  readonly blockBytes: number;
  /** Waited for when the file has its final name, see {@linkcode RangedPart.publish}. */
  readonly onPublished: (published: Published) => Promise<void>;
  /** Called when what was written could not be made durable. */
  readonly onFailure: (problem: unknown) => void;
}

/** What an earlier run has left. */
export type Found =
  | { readonly kind: "nothing" }
  | { readonly kind: "kept"; readonly kept: KeptDownload }
  | { readonly kind: "published"; readonly published: Published }
  | { readonly kind: "busy"; readonly path: string };

/** The file of one download on disk. What changes it as a whole happens in order, and writers wait for it. */
export class DownloadStorage {
  readonly #options: StorageOptions;
  #part: RangedPart | undefined;
  #digest: PrefixDigest | undefined;
  #changes: Promise<void> = Promise.resolve();
  readonly #paced: PacedSync;

  constructor(options: StorageOptions) {
    this.#options = options;
    this.#paced = new PacedSync({ sync: () => this.#there().sync(), onFailure: options.onFailure });
  }

  /** The final name that was asked for, once there is a part. */
  get name(): string | undefined {
    return this.#part?.name;
  }

  /** The part itself. */
  get path(): string | undefined {
    return this.#part?.path;
  }

  /** Looks for what an earlier run has left of this URL. Without `resume` it is thrown away. */
  async find({ resume }: { readonly resume: boolean }): Promise<Found> {
    const { disk, directory, url, name, onPublished } = this.#options;
    const left = await findRangedPart({ disk, directory }, {
      url,
      name,
      ...resume ? { onPublished } : {},
    });
    if (left.kind === "published" && !resume) return { kind: "nothing" };
    if (left.kind !== "part") return left;
    this.#part = left.part;
    this.#digest = prefixDigest(left.part.path);
    const kept = resume ? keptOf(left.part) : undefined;
    return kept === undefined ? { kind: "nothing" } : { kind: "kept", kept };
  }

  /**
   * Begins with a version of the file, for which `name` is used unless there is a part already. Waits for
   * `before`, until when others may still write.
   */
  begin(
    { name, size, validators, before }: {
      readonly name: string;
      readonly size: number | undefined;
      readonly validators: Validators;
      readonly before: Promise<unknown>;
    },
  ): void {
    const { disk, directory, url, blockBytes } = this.#options;
    this.#changes = this.#changes.then(async () => {
      await before;
      this.#part ??= await createRangedPart({ disk, directory }, { url, name });
      this.#digest?.[Symbol.dispose]();
      this.#digest = prefixDigest(this.#part.path);
      await this.#part.begin({ size, validators, blockBytes });
      const missing = await this.#part.missingSpace();
      if (missing > 0) throw new Error(`The disk is too full: ${missing} bytes are missing`);
    });
    // Whoever asks for a writer is told.
    this.#changes.catch(() => {});
  }

  /** Opens a handle to write with. @throws What `begin` ran into. */
  async openWriter(): Promise<RangeWriter> {
    await this.#changes;
    return await this.#there().openWriter();
  }

  /**
   * To be called when something was written: makes it durable now and then.
   *
   * @param complete How far the file is whole from its beginning.
   */
  written(complete: number, nowMs: number): void {
    this.#digest?.advance(complete);
    this.#paced.written(nowMs);
  }

  /** SHA-256 of the first `size` bytes, in hexadecimal: of the whole, once it is there. */
  async sha256(size: number): Promise<string> {
    await this.#changes;
    this.#digest ??= prefixDigest(this.#there().path);
    return await this.#digest.digest(size);
  }

  /** Makes durable what was written. */
  async sync(): Promise<void> {
    await this.#changes;
    await this.#part?.sync();
  }

  async publish(
    options: { readonly size: number; readonly sha256: string; readonly overwrite: boolean },
  ): Promise<Published> {
    await this.#changes;
    const published = await this.#there().publish({
      ...options,
      onPublished: this.#options.onPublished,
    });
    this.#digest?.[Symbol.dispose]();
    return published;
  }

  /** Ends without the file: leaves what there is to a later run, or deletes it. */
  async close({ deletes }: { readonly deletes: boolean }): Promise<void> {
    await this.#changes.catch(() => {});
    this.#digest?.[Symbol.dispose]();
    await (deletes ? this.#part?.discard() : this.#part?.close());
  }

  #there(): RangedPart {
    if (this.#part === undefined) throw new TypeError("There is no part yet");
    return this.#part;
  }
}

/** What of a part can be gone on with. */
function keptOf({ version, written }: RangedPart): KeptDownload | undefined {
  const finished: readonly ByteRange[] = [...written];
  if (version?.size === undefined || finished.length === 0) return undefined;
  const { etag, lastModified, date } = version.validators;
  const validators = {
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
    ...(date === undefined ? {} : { date }),
  };
  return { size: version.size, validators, finished };
}
