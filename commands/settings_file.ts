import { z } from "zod";
import { printable } from "../terminal/printable.ts";
import { UsageError } from "./exit_code.ts";

const schema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]));

/** Flags by their names in camel case, and upper bounds of some. */
export type Settings = z.infer<typeof schema>;

/**
 * Reads what a settings file holds.
 *
 * @throws {UsageError} It is no JSON object of settings.
 */
export function parseSettings(path: string, text: string): Settings {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new UsageError(`Settings file ${printable(path)} is not an object of settings`, { cause: error });
  }
}
