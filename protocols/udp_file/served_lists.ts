import type { Catalogue } from "../../store/catalogue.ts";
import type { CatalogueEntry } from "../../store/catalogue_entries.ts";
import { entryLines } from "./control_messages.ts";

/** Lists that one connection may be given at a time. */
const MAX_LISTS = 8;
/** Pages wait until the control stream has less than so many bytes to send. */
const PAGE_FROM_BYTES = 16 * 1024;

/** The lists that a client is being given: they go out page by page, as it takes them. */
export class ServedLists {
  readonly #catalogue: Catalogue;
  /** As what is left of their lines. */
  readonly #lists = new Set<Iterator<string>>();
  #asked = 0;

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  /** Whether there is room for one more. */
  get hasRoom(): boolean {
    return this.#asked < MAX_LISTS;
  }

  /**
   * Looks up what is at and below a path; "" is all.
   *
   * @returns The paths; `undefined`: there is no such path.
   */
  async find(path: string): Promise<readonly string[] | undefined> {
    this.#asked++;
    await this.#catalogue.refresh(path);
    const paths = this.#catalogue.pathsBelow(path);
    if (path === "" || paths.length > 0) return paths;
    this.#asked--;
    return undefined;
  }

  /** The entry of a path that was found, if it is a file with something in it. */
  file(path: string): CatalogueEntry | undefined {
    const entry = this.#catalogue.get(path);
    return entry?.type === "file" && entry.size > 0 ? entry : undefined;
  }

  /** Begins to give one that was found. @param options `get`: see `entries` of the control messages. */
  give(
    request: number,
    { paths, get }: { readonly paths: readonly string[]; readonly get: number | undefined },
  ): void {
    this.#lists.add(entryLines(request, entriesOf(this.#catalogue, paths), get));
  }

  /** Sends what the control stream has room for. */
  feed(
    { backlogBytes, send }: { readonly backlogBytes: () => number; readonly send: (line: string) => void },
  ): void {
    for (const lines of this.#lists) {
      while (backlogBytes() < PAGE_FROM_BYTES) {
        const { done, value } = lines.next();
        if (done) {
          this.#lists.delete(lines);
          this.#asked--;
          break;
        }
        send(value);
      }
    }
  }
}

/** The entries of paths, as they are when their turn comes. */
function* entriesOf(catalogue: Catalogue, paths: readonly string[]): Generator<CatalogueEntry> {
  for (const path of paths) {
    const entry = catalogue.get(path);
    if (entry !== undefined) yield entry;
  }
}
