/** Why a connection could not be made, or what came over it could not be used, in words for a person. */
export class ConnectionProblem extends Error {
  override readonly name = "ConnectionProblem";
  /** Whether it gets no better by trying again: a certificate nobody trusts, say. */
  readonly isFinal: boolean;

  constructor(message: string, options: { readonly isFinal?: boolean; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.isFinal = options.isFinal ?? false;
  }
}

/** A time by which something has to be done. */
export interface Deadline extends Disposable {
  /** Aborted with a {@linkcode ConnectionProblem} when the time is over, or as the caller's own is. */
  readonly signal: AbortSignal;
}

/** Starts a {@linkcode Deadline}; disposing of it stops the clock. `message` says what took too long. */
export function deadline(
  { timeoutMs, message, signal }: {
    readonly timeoutMs: number;
    readonly message: string;
    readonly signal?: AbortSignal | undefined;
  },
): Deadline {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new ConnectionProblem(message)), timeoutMs);
  const follow = () => controller.abort(signal?.reason);
  if (signal?.aborted) follow();
  signal?.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", follow);
    },
  };
}
