import { configureSync, getLogger, type Logger, type LogRecord } from "@logtape/logtape";
import { printable } from "./printable.ts";
import { printNote } from "./output.ts";

/**
 * Sets up logging to standard error and returns the program's logger: a line a record, of time, level,
 * what happened, and `key=value` pairs.
 */
export function setUpLog(): Logger {
  configureSync({
    reset: true,
    sinks: { stderr: (record: LogRecord) => printNote(logLine(record)) },
    loggers: [
      { category: ["transfer"], lowestLevel: "info", sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stderr"] },
    ],
  });
  return getLogger(["transfer"]);
}

/** One record as a line of text. Values are quoted where a reader could take them for something else. */
export function logLine(record: Pick<LogRecord, "timestamp" | "level" | "message" | "properties">): string {
  const pairs = Object.entries(record.properties).map(([key, value]) => `${key}=${quoted(String(value))}`);
  return [new Date(record.timestamp).toISOString(), record.level.padEnd(7), record.message.join(""), ...pairs]
    .join(" ");
}

function quoted(value: string): string {
  const safe = printable(value);
  return /^[^\s"=]+$/.test(safe) ? safe : `"${safe.replaceAll('"', '\\"')}"`;
}
