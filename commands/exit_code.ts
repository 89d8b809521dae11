/** How a program ends; when nobody reads its results any more, as one does that SIGPIPE ends. */
export const EXIT = { done: 0, failed: 1, usage: 2, corrupt: 3, interrupted: 130, unread: 141 } as const;
export type ExitCode = typeof EXIT[keyof typeof EXIT];

/** The person asked for something that does not exist or make sense: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
