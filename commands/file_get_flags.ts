/** What `tcp-get` and `udp-get` are told in the same words. */

import { resolve } from "@std/path";
import type { Endpoint } from "../net/dial.ts";
import { UsageError } from "./command.ts";
import { text, toggle, token } from "./flag_values.ts";
import { serverAddress } from "./server_address.ts";

/** How names are told, and what becomes of the files: the first lines of further help. */
export const FILES_HELP = `
A NAME is a file, a directory with all that is in it, or a pattern such as 'photos/*.jpg'.
Without names it shows what the server has; then it fetches what input.txt names, one
name a line, reads it again every 5 s for what is new, and goes on until Ctrl+C.

Files keep their folders and times. One that is there already with the same size and
time is not fetched again. A large file is NAME.part until it is whole and verified;
running the same command again continues it.`;

/** Which names are fetched without being arguments, and where to. */
export const PLACE_FLAGS = {
  input: {
    summary: "File of names, read again and again; default: input.txt when no names are given",
    valueName: "FILE",
    parse: text,
  },
  watch: {
    summary: "Go on with the input file when the names are fetched",
    default: "false",
    parse: toggle,
  },
  out: {
    summary: "Directory for what is fetched; made when it is not there",
    valueName: "DIR",
    default: "data",
    parse: text,
  },
} as const;

/** What is done with what the server has, and who may ask it. */
export const FETCH_FLAGS = {
  list: { summary: "Show what the server has, and end", default: "false", parse: toggle },
  all: { summary: "Fetch all that the server has", default: "false", parse: toggle },
  overwrite: {
    summary: "Replace a file of the same name that differs, instead of storing NAME (1)",
    default: "false",
    parse: toggle,
  },
  token: {
    summary: "What both sides have to know; better set by TRANSFER_TOKEN, which other users can't see",
    valueName: "TOKEN",
    isSecret: true,
    parse: token,
  },
} as const;

/** What to fetch, from whom, and where to. */
export interface FileGetPlan {
  readonly endpoint: Endpoint;
  /** What to fetch; "" is all. */
  readonly names: readonly string[];
  /** A file of further names, to be read until the person ends it. */
  readonly input: string | undefined;
  /** Where to. Absolute. */
  readonly directory: string;
}

/**
 * What arguments (`HOST[:PORT] [NAME...]`) and flags say together.
 *
 * @throws {UsageError} No server is named, or what is named makes no sense.
 */
export function fileGetPlan(
  [server, ...names]: readonly string[],
  { all, watch, input, out, defaultPort }: {
    readonly all: boolean;
    readonly watch: boolean;
    readonly input: string | undefined;
    readonly out: string;
    readonly defaultPort: number;
  },
): FileGetPlan {
  if (server === undefined) throw new UsageError("Name a server to fetch from: HOST or HOST:PORT");
  if (all && names.length > 0) throw new UsageError("--all takes no names: it is all that there is");
  const isWatching = watch || input !== undefined || (names.length === 0 && !all);
  return {
    endpoint: serverAddress(server, defaultPort),
    names: all ? [""] : names,
    input: isWatching ? input ?? "input.txt" : undefined,
    directory: resolve(out),
  };
}
