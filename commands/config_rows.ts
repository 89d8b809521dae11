import { resolve } from "@std/path";
import { printable } from "../terminal/printable.ts";
import { padded, textWidth } from "../terminal/text_width.ts";
import type { Command } from "./command.ts";
import type { SettingEvent } from "./event_schemas.ts";
import { UsageError } from "./exit_code.ts";
import { flagValue, type FoundText, type Sources } from "./flag_sources.ts";
import { kebab } from "./help.ts";

/** What holds for each flag of a command. */
export function settingEvents(
  { name, flags }: Pick<Command, "name" | "flags">,
  { path, ...sources }: Sources & { readonly path: string | undefined },
): readonly SettingEvent[] {
  return Object.entries(flags).filter(([key]) => key !== "config").map(([key, flag]) => {
    const base = { event: "setting", command: name, key } as const;
    const secret = flag.isSecret === true ? { secret: true } as const : {};
    let found: FoundText | undefined;
    try {
      found = flagValue(key, flag, sources).found;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      return { ...base, ...secret, source: "none", error: error.message };
    }
    if (found === undefined) return { ...base, ...secret, source: "none" };
    const { text, source } = found;
    // Nothing, repeated, is no item.
    const items = text === "" ? [] : text.split(flag.separator ?? ",");
    const isHidden = flag.isSecret === true && source.kind !== "default";
    return {
      ...base,
      ...(isHidden ? secret : { value: flag.isList === true ? items : text }),
      source: source.kind,
      ...(source.kind === "default" ? {} : { from: source.kind === "file" ? source.place : source.name }),
      ...(source.kind === "file" && path !== undefined ? { path: resolve(path) } : {}),
    };
  });
}

/** A column is not wider for the sake of one long value. */
const VALUE_MOST = 40;

/** What holds for the flags of one command, for people: flag, value, source. */
export function settingLines(events: readonly SettingEvent[]): string[] {
  const rows = events.map((event) =>
    [`--${kebab(event.key)}`, valueWords(event), sourceWords(event)] as const
  );
  const width = (column: 0 | 1) => {
    return rows.reduce((most, row) => Math.max(most, Math.min(VALUE_MOST, textWidth(row[column]))), 0);
  };
  const [nameWidth, valueWidth] = [width(0), width(1)];
  return rows.map(([name, value, source]) =>
    `  ${padded(name, nameWidth)}  ${padded(value, valueWidth)}  ${source}`
  );
}

function valueWords({ value, secret, source, error }: SettingEvent): string {
  if (error !== undefined) return "(refused)";
  if (source === "none") return "-";
  if (secret === true) return "(secret)";
  const text = typeof value === "string" ? value : (value ?? []).join(", ");
  return text === "" ? "-" : printable(text);
}

function sourceWords({ source, from, error }: SettingEvent): string {
  if (error !== undefined) return error;
  return source === "none" ? "not set" : from ?? source;
}
