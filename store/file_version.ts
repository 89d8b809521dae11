/** What tells two states of one file apart. */
export interface FileVersion {
  /** In bytes. */
  readonly size: number;
  /** When it was last changed, in whole milliseconds since 1970. */
  readonly mtimeMs: number;
}

/** Whether both are the same. */
export function isSameVersion(one: FileVersion, other: FileVersion): boolean {
  return one.size === other.size && one.mtimeMs === other.mtimeMs;
}
