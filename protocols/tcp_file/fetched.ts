import { MissingError, type RunningFile } from "../../store/fetched_file.ts";
import { ERROR_CODE } from "./messages.ts";
import { RefusedError, type Remote } from "./remote.ts";

/** What fetching a file needs. */
export interface FetchContext {
  readonly remote: Remote;
  /** The most connections for one file. */
  readonly connections: number;
  /** Told of each file that is fetched over several connections, when it begins. */
  readonly onFile?: ((file: RunningFile) => void) | undefined;
}

/** What a refusal means for a file: `MissingError` if it is that, else the problem itself. */
export function explained(problem: unknown): unknown {
  const isMissing = problem instanceof RefusedError && problem.code === ERROR_CODE.notFound;
  return isMissing ? new MissingError("The server does not have it any more", { cause: problem }) : problem;
}
