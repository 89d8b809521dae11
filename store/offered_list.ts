import { type Disk, replaceText } from "./disk.ts";

/** The list of a moment. */
export interface PlainList {
  /** All of it, for the file. */
  readonly text: string;
  /** What plain clients are sent: as much of it as they read. */
  readonly bytes: Uint8Array;
  /** How many files it has, and how many of them are left out of what is sent. */
  readonly files: number;
  readonly omitted: number;
}

/** Options of {@linkcode OfferedList}. */
export interface OfferedListOptions {
  readonly disk: Disk;
  /** Absolute path of the file that the list is kept in; `undefined`: none. */
  readonly path: string | undefined;
  /** Lists the files that plain clients can ask for, as they are now. */
  readonly make: () => PlainList;
  /** Called when other files are left out of what plain clients are told, or another number. */
  readonly onCut: (cut: { readonly files: number; readonly omitted: number }) => void;
  /** Called when the list can't be written; not again before it could be. */
  readonly onUnsaved: (reason: string) => void;
}

/** Least time between two writes of the file, in milliseconds. A growing file changes the list all the time. */
const SAVE_EVERY_MS = 1_000;

/** The list that plain clients are sent, and the file that the whole of it is kept in. */
export class OfferedList implements AsyncDisposable {
  readonly #options: OfferedListOptions;
  #made: PlainList | undefined;
  #omitted = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saving: Promise<void> = Promise.resolve();
  #savedText: string | undefined;
  #isUnsaved = false;
  #isOver = false;

  constructor(options: OfferedListOptions) {
    this.#options = options;
  }

  /** What a plain client is sent: whole lines, as many as it reads. */
  get bytes(): Uint8Array {
    return this.#make().bytes;
  }

  /** The files are others now. */
  changed(): void {
    this.#made = undefined;
    if (!this.#isOver) this.#timer ??= setTimeout(() => void this.save(), SAVE_EVERY_MS);
  }

  /** Writes the file if the list is another one than was written last. Never rejects. */
  save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return this.#saving = this.#saving.then(() => this.#saveNow());
  }

  /** Writes the list as it is now, and then no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.save();
  }

  async #saveNow(): Promise<void> {
    const { disk, path, onUnsaved } = this.#options;
    const { text } = this.#make();
    if (path === undefined || text === this.#savedText) return;
    try {
      await replaceText(disk, path, text);
      this.#savedText = text;
      this.#isUnsaved = false;
    } catch (error) {
      if (!this.#isUnsaved) onUnsaved(error instanceof Error ? error.message : String(error));
      this.#isUnsaved = true;
    }
  }

  #make(): PlainList {
    if (this.#made !== undefined) return this.#made;
    const list = this.#options.make();
    const { files, omitted } = list;
    if (omitted !== this.#omitted) this.#options.onCut({ files, omitted });
    this.#omitted = omitted;
    return this.#made = list;
  }
}
