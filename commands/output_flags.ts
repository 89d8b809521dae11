import { toggle } from "./flag_values.ts";

/** What a command prints that transfers files. */
export const OUTPUT_FLAGS = {
  json: { summary: "Print events as JSON, one a line", default: "false", parse: toggle },
  quiet: { summary: "Show no progress", default: "false", parse: toggle },
} as const;
