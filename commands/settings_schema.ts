import type { Command } from "./command.ts";
import type { Flag, Flags } from "./flag.ts";
import { jsonForm } from "./flag_sources.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * The JSON Schema (draft 2020-12) of a settings file, made of the flags that `--help` shows: at the top the keys
 * of all commands, and an object for each command under its name.
 */
export function settingsSchema(commands: readonly Command[]): Json {
  const withFlags = commands.map(({ name, flags }) => ({ name, keys: keysOf(flags) }))
    .filter(({ keys }) => Object.keys(keys).length > 0);
  const byKey = new Map<string, { readonly command: string; readonly schema: Json }[]>();
  for (const { name, keys } of withFlags) {
    for (const [key, schema] of Object.entries(keys)) {
      byKey.set(key, [...byKey.get(key) ?? [], { command: name, schema }]);
    }
  }
  const shared = [...byKey].map(([key, uses]) => [key, sharedKey(uses)] as const);
  const sections = withFlags.map(({ name }) => [name, { $ref: `#/$defs/${name}` }] as const);
  const properties: Record<string, Json> = { $schema: { type: "string" }, ...Object.fromEntries(shared) };
  for (const [name, section] of sections) {
    const flag = properties[name];
    properties[name] = flag === undefined ? section : { anyOf: [flag, section] };
  }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Settings of transfer",
    description:
      "A key at the top is for all commands that have such a flag; one under a command's name is " +
      "for that command, and wins.",
    type: "object",
    properties,
    additionalProperties: false,
    $defs: Object.fromEntries(withFlags.map(({ name, keys }) => [name, section(name, keys)])),
  };
}

function section(name: string, properties: Json): Json {
  return {
    description: `For "transfer ${name}" alone`,
    type: "object",
    properties,
    additionalProperties: false,
  };
}

/** The keys that say something to a command: its flags, and what bounds them. */
function keysOf(flags: Flags): Record<string, Json> {
  const keys: Record<string, Json> = {};
  for (const [key, flag] of Object.entries(flags)) {
    // Which file is read is not for a file to say.
    if (key !== "config") keys[key] = keySchema(flag);
  }
  for (const [key, flag] of Object.entries(flags)) {
    const { boundedBy } = flag;
    if (boundedBy === undefined || boundedBy in keys) continue;
    keys[boundedBy] = { description: `The most that "${key}" may be set to by others`, ...valueSchema(flag) };
  }
  return keys;
}

function keySchema(flag: Flag<unknown>): Json {
  const { summary, isSecret } = flag;
  const shown = flag.default === undefined || flag.default === "" ? {} : { default: defaultOf(flag) };
  return { description: summary, ...valueSchema(flag), ...shown, ...isSecret ? { writeOnly: true } : {} };
}

function defaultOf(flag: Flag<unknown>): unknown {
  const { type } = jsonForm(flag);
  return type === "boolean" || type === "integer" ? JSON.parse(flag.default ?? "null") : flag.default;
}

function valueSchema(flag: Flag<unknown>): Json {
  const form = jsonForm(flag);
  return flag.isList === true ? { anyOf: [form, { type: "array", items: form }] } : form;
}

/** A key at the top: whatever one of the commands takes. */
function sharedKey(uses: readonly { readonly command: string; readonly schema: Json }[]): Json {
  const forms = new Map<string, Json>();
  for (const { schema: { description: _, default: __, ...form } } of uses) {
    forms.set(JSON.stringify(form), form);
  }
  const description = `For ${uses.map(({ command }) => command).join(", ")}`;
  const [first, ...others] = forms.values();
  return { description, ...(others.length === 0 ? first : { anyOf: [first, ...others] }) };
}
