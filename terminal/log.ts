import { configureSync, getLogger, type Logger, type LogRecord } from "@logtape/logtape";
import { printableJson } from "./printable.ts";
import { printLogLine } from "./output.ts";

/** How a log is written: for people, or for programs. */
export type LogFormat = "text" | "json";

/** Options of {@linkcode setUpLog}. */
export interface LogOptions {
  readonly format: LogFormat;
  /** Leave out what is no warning and no error. */
  readonly quiet: boolean;
}

type Line = Pick<LogRecord, "timestamp" | "level" | "message" | "properties">;

/** Sets up logging to standard error, a line a record, and returns the program's logger. */
export function setUpLog({ format, quiet }: LogOptions): Logger {
  const lineOf = format === "json" ? jsonLine : textLine;
  configureSync({
    reset: true,
    sinks: { stderr: (record: LogRecord) => printLogLine(lineOf(record)) },
    loggers: [
      { category: ["transfer"], lowestLevel: quiet ? "warning" : "info", sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stderr"] },
    ],
  });
  return getLogger(["transfer"]);
}

/**
 * Time, level, what happened, and `key=value` pairs. Values are quoted, as in JSON, where a reader could
 * take them for something else.
 */
export function textLine({ timestamp, level, message, properties }: Line): string {
  const pairs = Object.entries(properties).map(([key, value]) => `${key}=${quoted(String(value))}`);
  return [new Date(timestamp).toISOString(), level.padEnd(7), message.join(""), ...pairs].join(" ");
}

/** One JSON object: `time`, `level`, `message`, and the record's own fields beside them. */
export function jsonLine({ timestamp, level, message, properties }: Line): string {
  const head = { time: new Date(timestamp).toISOString(), level, message: message.join("") };
  return printableJson({ ...head, ...properties, ...head });
}

function quoted(value: string): string {
  const json = printableJson(value);
  const isPlain = json === `"${value}"` && /^[^\s"=]+$/.test(value);
  return isPlain ? value : json;
}
