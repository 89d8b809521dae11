/** A file that a client has, and has found to be what it should be; small ones are not told one by one. */
export interface SentFile {
  readonly type: "served";
  readonly address: string;
  readonly path: string;
  /** Bytes that were asked for. */
  readonly bytes: number;
  readonly seconds: number;
}

/** How a connection went. */
export interface ClosedEvent {
  readonly type: "closed";
  readonly address: string;
  /** That were asked for. */
  readonly files: number;
  /** Of files, as far as they were sent; each counts once. */
  readonly bytes: number;
  readonly seconds: number;
  /** Smoothed, in milliseconds. */
  readonly roundTripMs: number;
  readonly lostPackets: number;
  readonly sentPackets: number;
  readonly reason: string;
}

/** A file could not be sent as it was found. */
export interface FileProblem {
  readonly type: "changed" | "unreadable";
  readonly address: string;
  readonly path: string;
  readonly reason: string;
}

/** What is told of a connection. */
export type ServedEvent = SentFile | ClosedEvent | FileProblem;
