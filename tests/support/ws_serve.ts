import { type LoggedProcess, startLogged } from "./logged_process.ts";

/** A `transfer ws-serve` process whose log is read line by line. */
export interface WsServe extends LoggedProcess {
  /** The address it printed, without the last slash. */
  readonly url: string;
}

/** Starts `transfer ws-serve` on a free port; ready when it returns. */
export async function startWsServe(
  dir: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<WsServe> {
  const server = await startLogged(["ws-serve", "--dir", dir, "--port", "0", ...args], { env });
  const url = /https?:\/\/\S+(?=\/$)/.exec(server.line)?.[0];
  if (url !== undefined) return { ...server, url };
  await server.end();
  throw new Error(`ws-serve did not start:\n${server.log.join("\n")}`);
}
