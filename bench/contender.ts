/** The words of a benchmark: a capability has rows, a row has contenders, and each of those runs some rounds. */

/** What a figure is. */
export interface Unit {
  /** As it is printed, such as `s` or `MB/s`. */
  readonly name: string;
  readonly better: "less" | "more";
  /** How many are printed behind the point. */
  readonly digits: number;
}

export const SECONDS: Unit = { name: "s", better: "less", digits: 2 };
export const MILLISECONDS: Unit = { name: "ms", better: "less", digits: 3 };
export const MEGABYTES_A_SECOND: Unit = { name: "MB/s", better: "more", digits: 0 };
export const MEGABITS_A_SECOND: Unit = { name: "Mbit/s", better: "more", digits: 1 };
export const A_SECOND: Unit = { name: "/s", better: "more", digits: 0 };

/** Where the two sides of a contender run. */
export interface Place {
  /** That servers listen on. */
  readonly address: string;
  /** Words that come before a command of the server's side, such as `ip netns exec NAME`; none on loopback. */
  readonly server: readonly string[];
  /** The same for the client's side. */
  readonly client: readonly string[];
  /** Where the client's side is. */
  readonly clientAddress: string;
}

/** What a round is given. */
export interface Watch {
  /** Aborted when patience is over. */
  readonly signal: AbortSignal;
  /** Says that this process, with its descendants, does the client's work. */
  readonly add: (pid: number) => void;
}

/** What came of a round. */
export interface Outcome {
  /** In the unit of the row. */
  readonly value: number;
  /** What else is to be told. */
  readonly remark?: string;
}

/** A contender that stands ready. */
export interface Ready extends AsyncDisposable {
  /** Processes of its servers; measured with their descendants. */
  readonly servers: readonly number[];
  /** Does the job once. @throws {Error} It failed, or what arrived is not what was sent. */
  readonly run: (watch: Watch) => Promise<Outcome>;
}

/** A program, or several that belong together, that can do the job of a row. */
export interface Contender {
  readonly name: string;
  /** What has to be installed. */
  readonly programs?: readonly string[];
  /** @throws {Missing} Something that it needs is not here. */
  readonly start: (place: Place) => Promise<Ready>;
}

/** A link, each direction alone; see `withLink`. */
export interface Link {
  /** One way, in milliseconds. */
  readonly delay: number;
  /** In Mbit/s; 0: as fast as it goes. */
  readonly rate: number;
  /** In KB. */
  readonly queue: number;
  /** In percent. */
  readonly loss: number;
}

/** A job, and who does it. */
export interface Row {
  /** A word or two, to choose it by. */
  readonly name: string;
  readonly title: string;
  readonly unit: Unit;
  /** What a round moves; then a rate is printed beside the time. */
  readonly bytes?: number;
  /** What has to be made first. */
  readonly files: readonly { readonly make: () => Promise<unknown> }[];
  /** Default: loopback. */
  readonly link?: Link;
  /** Most rounds, where one takes long; default: as many as were asked for. */
  readonly mostRounds?: number;
  /** For one round that is asked for so many are run: where chance decides, five tell little. Default: 1. */
  readonly repeats?: number;
  /** Whether a round that does not count comes first; default: yes on loopback, no over a link. */
  readonly hasWarmUp?: boolean;
  /** The first is this project, which the others are compared with. */
  readonly contenders: readonly Contender[];
}

/** What a contender needs is not on this machine. */
export class Missing extends Error {
  override readonly name = "Missing";
}
