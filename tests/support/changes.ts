/** Waits for things to come about that something tells of whenever anything changed. */
export class Changes {
  #next = Promise.withResolvers<void>();

  /** To be called at every change. */
  readonly onChange = (): void => {
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  };

  /** Settles once this is so; it is looked at now and after every change. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await this.#next.promise;
  }
}
