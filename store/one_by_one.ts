/** Lets tasks run one after the other, in the order in which they were given. */
export class OneByOne {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs a task when those before have ended, well or not. @returns What it returns, or throws. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    const running = this.#last.then(task);
    this.#last = running.catch(() => {});
    return await running;
  }
}
