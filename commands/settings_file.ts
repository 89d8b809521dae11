import schema from "../docs/transfer.schema.json" with { type: "json" };
import { printable } from "../terminal/printable.ts";
import { UsageError } from "./exit_code.ts";
import type { Flags } from "./flag.ts";
import type { Setting, Settings } from "./flag_sources.ts";
import { JsonProblem, lineAndColumn, parsePlaced, type PlacedMember, type PlacedValue } from "./json_text.ts";
import { suggestion } from "./suggestion.ts";

/** The keys that each command takes, by its name. */
const KEYS_OF_COMMANDS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(schema.$defs).map(([name, { properties }]) => [name, Object.keys(properties)]),
);
const SHARED_KEYS = new Set([...KEYS_OF_COMMANDS.values()].flat());

/** A settings file, and whom it is read for. */
export interface SettingsFile {
  /** As errors call it. */
  readonly path: string;
  readonly text: string;
  readonly command: string;
  readonly flags: Flags;
}

/**
 * What a settings file has for a command: what stands at the top is for all commands that have such a flag, and
 * what stands under the name of the command for it alone, which wins.
 *
 * @throws {UsageError} It is no JSON, or has keys that mean nothing: each with its place, and what was meant.
 */
export function parseSettings(file: SettingsFile): Settings {
  const { command, flags } = file;
  const own = keysOf(flags);
  const keysOfCommands = new Map([...KEYS_OF_COMMANDS, [command, own]]);
  const problems: string[] = [];
  const place = placesOf(file);
  const shared = new Map<string, Setting>();
  const alone = new Map<string, Setting>();
  const check = (members: readonly PlacedMember[], known: readonly string[], of = "") => {
    const all = members.map(({ key }) => key);
    for (const [index, { key, at }] of members.entries()) {
      if (all.indexOf(key) < index) problems.push(`${place(at)}: ${quoted(key)} is there twice`);
      if (!known.includes(key)) problems.push(`${place(at)}: ${unknownKey(key, known, of)}`);
    }
  };
  const top = topOf(file);
  const sharedKeys = new Set([...SHARED_KEYS, ...own]);
  check(top, ["$schema", ...sharedKeys, ...keysOfCommands.keys()]);
  for (const { key, placed: { at, value, members } } of top) {
    const keys = keysOfCommands.get(key);
    // "tracker" is a command and a flag.
    if (keys === undefined || (members === undefined && sharedKeys.has(key))) {
      shared.set(key, { value, name: quoted(key), place: place(at) });
    } else if (members === undefined) {
      problems.push(`${place(at)}: ${quoted(key)}: expected an object with the settings of that command`);
    } else {
      check(members, keys, ` of ${quoted(key)}`);
      if (key !== command) continue;
      for (const { key: inner, placed } of members) {
        const name = `${quoted(inner)} of ${quoted(key)}`;
        alone.set(inner, { value: placed.value, name, place: place(placed.at) });
      }
    }
  }
  if (problems.length > 0) throw new UsageError(problems.join("\n"));
  return new Map([...shared, ...alone]);
}

function placesOf({ path, text }: SettingsFile): (at: number) => string {
  return (at) => {
    const { line, column } = lineAndColumn(text, at);
    return `${printable(path)}:${line}:${column}`;
  };
}

function topOf(file: SettingsFile): readonly PlacedMember[] {
  const { path, text } = file;
  let placed: PlacedValue;
  try {
    placed = parsePlaced(text);
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error;
    throw new UsageError(`${placesOf(file)(error.at)}: ${printable(error.message)}`, { cause: error });
  }
  if (placed.members === undefined) {
    throw new UsageError(`Settings file ${printable(path)} is not an object of settings`);
  }
  return placed.members;
}

/** The keys that say something to a command: its flags, and what bounds them. */
function keysOf(flags: Flags): string[] {
  const bounds = Object.values(flags).flatMap(({ boundedBy }) => boundedBy ?? []);
  return [...new Set([...Object.keys(flags).filter((key) => key !== "config"), ...bounds])];
}

function unknownKey(key: string, known: readonly string[], of: string): string {
  const camel = key.replace(/^-+/, "").replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const meant = known.includes(camel) ? camel : suggestion(camel, known);
  const hint = meant === undefined ? "" : `; did you mean ${quoted(meant)}?`;
  return `unknown key ${quoted(key)}${of}${hint}`;
}

function quoted(text: string): string {
  return printable(JSON.stringify(text));
}
