import { dirname, join } from "@std/path";
import { type Permissions, ROOT, STATE } from "./program.ts";

/** What stands in each column, as `deno run` calls it. */
const COLUMNS = ["env", "net", "read", "write", "sys"] as const;
/** What a first column says that stands for all of them. */
const EVERYTHING = "everything";

/** One flag of `deno run`, and the words of the table that it stands for. */
export interface Permission {
  readonly kind: (typeof COLUMNS)[number] | "all";
  /** None or `all` for all of it, what is meant literally, or a word in capitals for what depends on the command line. */
  readonly words: readonly string[];
}

/** What each command needs, as docs/operations.md says it. */
export async function documentedPermissions(): Promise<ReadonlyMap<string, readonly Permission[]>> {
  const text = await Deno.readTextFile(join(ROOT, "docs", "operations.md"));
  const [, section = ""] = text.split(/^## Permissions$/m);
  const rows = (section.split(/^## /m)[0] ?? "").matchAll(/^\| `([^`]+)` *\|(.*)\|$/gm);
  return new Map([...rows].map(([, name = "", cells = ""]) => [name, permissionsOf(cells.split("|"))]));
}

function permissionsOf(cells: readonly string[]): Permission[] {
  if (cells[0]?.trim() === EVERYTHING) return [{ kind: "all", words: [] }];
  return COLUMNS.map((kind, i) => {
    const cell = (cells[i] ?? "").trim();
    return {
      kind,
      words: cell === "all" ? ["all"] : [...cell.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word),
    };
  }).filter(({ words }) => words.length > 0);
}

/** The row of a command line: that of the longest name that it begins with. */
export function commandOf(args: readonly string[], names: Iterable<string>): string {
  const line = `${args.join(" ")} `;
  const [name] = [...names].filter((each) => line.startsWith(`${each} `)).sort((a, b) => b.length - a.length);
  if (name === undefined) throw new Error(`No permissions are documented for: ${line}`);
  return name;
}

/** Permissions as flags of `deno run`, with what the words mean for a command line. */
export function permissionFlags(
  permissions: readonly Permission[],
  ...[args, cwd]: Parameters<Permissions>
): string[] {
  return permissions.map(({ kind, words }) => {
    if (kind === "all" || words.includes("all")) return `--allow-${kind}`;
    return `--allow-${kind}=${words.flatMap((word) => meaning(word, args, cwd)).join(",")}`;
  });
}

/** What a word of the table means for a command line; itself when it is meant literally. */
function meaning(word: string, args: readonly string[], cwd: string | undefined): readonly string[] {
  const flag = (...names: readonly string[]) => {
    const at = args.findIndex((arg) => names.includes(arg));
    return at === -1 ? undefined : args[at + 1];
  };
  const here = cwd ?? ".";
  const first = args[1] ?? "";
  switch (word) {
    case "LISTEN":
      return [`127.0.0.1:${flag("--port", "--server-port") ?? 0}`];
    case "SERVER":
      return [hostOf(flag("--ws", "--tracker") ?? first)];
    case "CLIENTS":
    case "PEERS":
      return ["127.0.0.1"];
    case "UPSTREAM":
      return [hostOf(/http:\S+(?= )/.exec(Deno.readTextFileSync(join(here, "proxy.conf")))?.[0] ?? "")];
    case "PROXIES":
      return ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"];
    case "DIR":
      return [flag("--dir") ?? first];
    case "FILES":
      return ["files"];
    case "FILE":
      return [first];
    case "STATE":
      return [join(STATE, "transfer")];
    case "OUT":
      return [join(here, "data")];
    case "SOURCE":
      return [join(ROOT, "store")];
    case "LIST":
      return [flag("--list") ?? "", `${flag("--list")}.new`];
    case "DB":
      return database(flag("--db") ?? "");
    case "USERS":
      return beside(join(here, "users.txt"));
    case "KEY":
      return [dirname(flag("--key") ?? "")];
    default:
      return [word];
  }
}

function hostOf(text: string): string {
  return URL.parse(text)?.host ?? text;
}

/** A file, and what it is written aside as. */
function beside(path: string): readonly string[] {
  return [path, `${path}.part`];
}

/** A database, and what keeps a second tracker from it. */
function database(path: string): readonly string[] {
  return [path, `${path}.lock`];
}
