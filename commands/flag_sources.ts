import { printable } from "../terminal/printable.ts";
import { UsageError } from "./exit_code.ts";
import type { Env, Flag, JsonForm } from "./flag.ts";
import { kebab } from "./help.ts";

/** A value that a settings file has for a flag. */
export interface Setting {
  readonly value: unknown;
  /** How it is called: `"port"`, or `"port" of "tcp-serve"`. */
  readonly name: string;
  /** `transfer.json:3:5`. */
  readonly place: string;
}

/** What a settings file has for one command: flags by their names in camel case, and upper bounds of some. */
export type Settings = ReadonlyMap<string, Setting>;

/** Who may set a flag; the first that does wins. */
export interface Sources {
  /** Texts of the command line. */
  readonly given: ReadonlyMap<string, string>;
  readonly env: Env;
  readonly settings: Settings;
}

/** Who has set a flag. */
export type Source =
  | { readonly kind: "flag" | "environment" | "default"; readonly name: string }
  | { readonly kind: "file"; readonly name: string; readonly place: string };

/** The text of a flag, and who set it. */
export interface FoundText {
  readonly text: string;
  readonly source: Source;
}

/**
 * The value of a flag, and where it comes from: command line, environment, settings file, default. What the
 * settings file allows at most is no more than that: a greater value is refused, save by default, when it
 * becomes what is allowed.
 *
 * @returns `found` is `undefined` when nobody sets it.
 * @throws {UsageError} It is none of the values that the flag takes.
 */
export function flagValue(
  key: string,
  flag: Flag<unknown>,
  sources: Sources,
): { readonly value: unknown; readonly found: FoundText | undefined } {
  const found = findText(key, flag, sources);
  if (found === undefined) return { value: undefined, found };
  const value = parseFlag(flag, found);
  const boundKey = flag.boundedBy ?? (key.startsWith("max") ? key : undefined);
  const setting = boundKey === undefined ? undefined : sources.settings.get(boundKey);
  if (setting === undefined) return { value, found };
  const allowed = settingText(setting, flag);
  const bound = parseFlag(flag, allowed);
  if (typeof bound !== "number" || typeof value !== "number" || value <= bound) return { value, found };
  if (found.source.kind === "default") return { value: bound, found: allowed };
  throw new UsageError(
    `${sourceWords(found.source)}: ${printable(found.text)} is more than ` +
      `${setting.name} of the settings file allows, ${allowed.text}`,
  );
}

/** The environment variables that set a flag. */
function environmentNames(key: string, { env = [] }: Pick<Flag<unknown>, "env">): string[] {
  return [`TRANSFER_${kebab(key).replaceAll("-", "_").toUpperCase()}`, ...env];
}

/** The text that the environment has for a flag, and its variable. An empty one is none. */
export function fromEnvironment(
  key: string,
  flag: Pick<Flag<unknown>, "env">,
  env: Env,
): FoundText | undefined {
  for (const name of environmentNames(key, flag)) {
    const text = env(name);
    if (text !== undefined && text !== "") return { text, source: { kind: "environment", name } };
  }
  return undefined;
}

/** What JSON stands for a flag, when it is there once. */
export function jsonForm({ valueName, parse }: Flag<unknown>): JsonForm {
  if (valueName === undefined) return { type: "boolean" };
  if (parse.choices !== undefined) return { type: "string", enum: parse.choices };
  return parse.json ?? { type: "string" };
}

function findText(
  key: string,
  flag: Flag<unknown>,
  { given, env, settings }: Sources,
): FoundText | undefined {
  const name = `--${kebab(key)}`;
  const text = given.get(key);
  if (text !== undefined) return { text, source: { kind: "flag", name } };
  const inEnvironment = fromEnvironment(key, flag, env);
  if (inEnvironment !== undefined) return inEnvironment;
  const setting = settings.get(key);
  if (setting !== undefined) return settingText(setting, flag);
  return flag.default === undefined ? undefined : { text: flag.default, source: { kind: "default", name } };
}

function settingText(setting: Setting, flag: Flag<unknown>): FoundText {
  const { name, place, value } = setting;
  const source = { kind: "file", name, place } as const;
  const { type } = jsonForm(flag);
  const types = typeof type === "string" ? [type] : type;
  const items: readonly unknown[] = flag.isList === true && Array.isArray(value) ? value : [value];
  if (!items.every((item) => types.some((each) => isOfType(item, each)))) {
    const words = types.map((each) => TYPE_WORDS[each]).join(" or ");
    const list = flag.isList === true ? `${words}, or a list of them` : words;
    const was = flag.isSecret === true ? "" : `, got ${printable(JSON.stringify(value))}`;
    throw new UsageError(`${sourceWords(source)}: expected ${list}${was}`);
  }
  return { text: items.map(String).join(flag.separator ?? ","), source };
}

const TYPE_WORDS = { string: "a text", integer: "a whole number", boolean: "true or false" };

function isOfType(value: unknown, type: keyof typeof TYPE_WORDS): boolean {
  switch (type) {
    case "string":
      return typeof value === "string";
    case "integer":
      return Number.isSafeInteger(value);
    case "boolean":
      return typeof value === "boolean";
  }
}

function parseFlag(flag: Flag<unknown>, { text, source }: FoundText): unknown {
  try {
    return flag.parse(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const was = flag.isSecret === true ? "" : `, got ${printable(JSON.stringify(text))}`;
    throw new UsageError(`${sourceWords(source)}: expected ${error.message}${was}`, { cause: error });
  }
}

function sourceWords(source: Source): string {
  return source.kind === "file" ? `${source.place}: ${source.name}` : source.name;
}
