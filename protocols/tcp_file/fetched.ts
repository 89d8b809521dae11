import type { RunningFile } from "../../store/fetched_file.ts";
import type { Remote } from "./remote.ts";

/** What fetching a file needs. */
export interface FetchContext {
  readonly remote: Remote;
  /** The most connections for one file. */
  readonly connections: number;
  /** Told of each file that is fetched over several connections, when it begins. */
  readonly onFile?: ((file: RunningFile) => void) | undefined;
}
