/**
 * What of a list of names, which somebody edits meanwhile, is still to be fetched. A core: it is told what the
 * list says and what became of each name.
 */
export class WantedNames {
  readonly #settled = new Set<string>();
  readonly #reported = new Set<string>();

  /** The names that are still wanted, in the order of the list, each once. One a line; empty lines are none. */
  pending(list: string): string[] {
    const names = list.replace(/^\ufeff/, "").split(/\r?\n/).filter((name) => name !== "");
    return [...new Set(names)].filter((name) => !this.#settled.has(name));
  }

  /** A name needs nothing more: it was fetched, or can't be. */
  settle(name: string): void {
    this.#settled.add(name);
  }

  /** The server does not have it; it stays wanted. @returns Whether this is news. */
  missing(name: string): boolean {
    const isNews = !this.#reported.has(name);
    this.#reported.add(name);
    return isNews;
  }
}
