import { configureSync, getLogger, type Logger, type LogRecord } from "@logtape/logtape";
import { printableJson } from "./printable.ts";
import { printLogLine } from "./output.ts";
import { terminalSize } from "./terminal.ts";
import { wrap } from "./text_width.ts";

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
  const lineOf = format === "json" ? jsonLine : Deno.stderr.isTerminal() ? shownLine : textLine;
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
  return [new Date(timestamp).toISOString(), level.padEnd(7), message.join(""), ...pairs(properties)].join(
    " ",
  );
}

/**
 * The same for a person at a terminal: the time of day here, the level of what is no mere information, and
 * lines that are broken between words and pairs, and indented.
 */
export function terminalLine({ timestamp, level, message, properties }: Line, columns: number): string {
  const time = new Date(timestamp).toLocaleTimeString("sv-SE");
  const words = [
    ...level === "info" ? [] : [`${level}:`],
    ...message.join("").split(" "),
    ...pairs(properties),
  ];
  const indent = " ".repeat(time.length + 1);
  return `${time} ${wrap(words, Math.max(1, columns - indent.length)).join(`\n${indent}`)}`;
}

function shownLine(line: Line): string {
  return terminalLine(line, terminalSize().columns);
}

function pairs(properties: Line["properties"]): string[] {
  return Object.entries(properties).map(([key, value]) => `${key}=${quoted(String(value))}`);
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
