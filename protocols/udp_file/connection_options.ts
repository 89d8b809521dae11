/** What an end of a connection is given, and what it tells. Times are microseconds, rates bytes a second. */

/** Where the bytes of files come from that are sent. */
export interface ContentSource {
  /**
   * Fills `target` with bytes of a file from `offset` on. Called again for what has got lost. It is never
   * asked for bytes that were not offered.
   *
   * @returns How many bytes were filled in: fewer are fine. 0: they are not there yet; then
   * `wake` of the connection is to be called when they are.
   */
  fill(file: number, offset: number, target: Uint8Array): number;
}

/** What a connection tells while it is given a packet. Nothing may be called back into it but what says so. */
export interface ConnectionEvents {
  /** The next line of the control stream, without its end. A peer's: to be parsed with care. */
  control(line: string): void;
  /**
   * Bytes of a file that was expected, in any order, each byte once. They are part of the datagram: to be
   * copied or written before this returns.
   */
  content(file: number, offset: number, bytes: Uint8Array): void;
  /** The peer has acknowledged all that was offered of a file: the source will not be asked for it again. */
  delivered(file: number): void;
}

/** Options of a connection. */
export interface ConnectionOptions {
  /** Now, by the same clock as all times that follow: microseconds, never going back. */
  readonly nowUs: number;
  /** The number that the server gave it. */
  readonly connection: number;
  readonly events: ConnectionEvents;
  /** Needed by an end that offers files. */
  readonly source?: ContentSource | undefined;
  /** How many bytes of files the peer said in OPEN or ACCEPT that it can take. Default: 0. */
  readonly peerCreditBytes?: number | undefined;
  /** How many bytes of files this end holds at a time at most, as it told the peer. Default: 0. */
  readonly windowBytes?: number | undefined;
  /** `rate` does not slow down for loss alone, `cubic` does as TCP would. Default: `rate`. */
  readonly congestion?: "rate" | "cubic" | undefined;
  /**
   * The path does not leave the machine: datagrams are as long as loopback takes, ACKs are its only clock, and
   * `congestion` says nothing. Default: false.
   */
  readonly isLoopback?: boolean | undefined;
  /** Datagrams are probed up to so many bytes. Default: what Ethernet takes, and more over loopback. */
  readonly maxDatagramBytes?: number | undefined;
  /** Never to send faster, all bytes of UDP payload counted. Default: no bound. */
  readonly maxBytesPerSecond?: number | undefined;
  /** Of the handshake, if it was measured, in microseconds. */
  readonly roundTripUs?: number | undefined;
  /** Whether to keep the connection although nothing is to be sent: a client that waits for input. Default: false. */
  readonly keepsAlive?: boolean | undefined;
}

/** Where a connection stands. */
export type ConnectionState =
  | { readonly kind: "open" }
  | {
    readonly kind: "closed";
    /** `silence`: nothing came for 30 s. */
    readonly by: "us" | "peer" | "silence";
    /** One of {@linkcode CLOSE_CODE}; a peer's may be another. */
    readonly code: number;
    /** A peer's is to be escaped before it is shown. */
    readonly reason: string;
  };

/** What is known of the path. */
export interface PathReport {
  /** Smoothed, in microseconds; 0: not measured. */
  readonly roundTripUs: number;
  readonly leastRoundTripUs: number;
  /** What is sent at most for now, in bytes a second. */
  readonly bytesPerSecond: number;
  /** Bytes of the datagrams that are filled. */
  readonly datagramBytes: number;
  /** Numbered packets that were sent, and those of them that count as lost. */
  readonly sentPackets: number;
  readonly lostPackets: number;
}
