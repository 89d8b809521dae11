import { wrap, wrapWords } from "../terminal/text_width.ts";
import type { Flags } from "./flag.ts";

/** The name of a flag as it is typed, without dashes. */
export function kebab(camelCase: string): string {
  return camelCase.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** What `--help` prints of a command, in lines of at most `width` columns where words allow it. */
export function renderHelp(command: {
  readonly name: string;
  readonly summary: string;
  readonly arguments: string;
  readonly details?: string;
  readonly examples: readonly (readonly [line: string, does: string])[];
  readonly flags: Flags;
}, width: number): string {
  const usage = ["transfer", command.name, command.arguments, "[flags]"].filter((part) => part !== "")
    .join(" ");
  return [
    wrapWords(command.summary, width),
    "",
    wrapWords(`Usage: ${usage}`, width),
    ...(command.details === undefined ? [] : ["", paragraphs(command.details.trim(), width)]),
    "",
    "Flags:",
    ...columns([...flagRows(command.flags), ["--help", "Show this help"]], width),
    "",
    "Examples:",
    ...command.examples.flatMap(([line, does]) => example(line, does, width)),
    "",
    wrapWords(SETTINGS, width),
  ].join("\n");
}

const SETTINGS = "Each flag can also be set by an environment variable (--max-file: TRANSFER_MAX_FILE) " +
  'or in transfer.json (maxFile); "transfer config" shows what holds.';

/** Paragraphs, each filled anew; those with indented lines stand as they are. */
function paragraphs(text: string, width: number): string {
  return text.split("\n\n").map((paragraph) => {
    return /^ /m.test(paragraph) ? paragraph : wrapWords(paragraph.replaceAll("\n", " "), width);
  }).join("\n\n");
}

/** A command line, which may be copied also where it is broken, and what it does. */
function example(line: string, does: string, width: number): string[] {
  const words = line.match(/(?:'[^']*'|"[^"]*"|\S)+/g) ?? [];
  return [
    `  ${wrap(words, width - 4).join(" \\\n    ")}`,
    ...wrap(does.split(" "), width - 6).map((text) => `      ${text}`),
  ];
}

/** On narrower terminals what a row is about stands below its name. */
const LEAST_BESIDE = 30;

/**
 * Rows of two columns, indented, the second one aligned and wrapped. Where the first is so wide that little room
 * is left beside it, the second begins in the next line.
 */
export function columns(rows: readonly (readonly [left: string, right: string])[], width: number): string[] {
  const most = Math.floor(width * 0.3);
  const widest = Math.max(0, ...rows.map(([left]) => left.length).filter((length) => length <= most));
  const isBeside = width - widest - 4 >= LEAST_BESIDE;
  const indent = isBeside ? widest + 4 : 6;
  return rows.flatMap(([left, right]) => {
    const lines = wrap(right.split(" "), width - indent);
    const below = lines.map((line) => `${" ".repeat(indent)}${line}`);
    if (!isBeside || left.length > widest) return [`  ${left}`, ...below];
    return [`  ${left.padEnd(widest)}  ${lines[0] ?? ""}`, ...below.slice(1)];
  });
}

function flagRows(flags: Flags): (readonly [left: string, right: string])[] {
  return Object.entries(flags).map(([name, flag]) => {
    const left = flag.valueName === undefined ? `--${kebab(name)}` : `--${kebab(name)} ${flag.valueName}`;
    const notes = [
      ...(flag.valueName === undefined || !flag.default ? [] : [`default ${flag.default}`]),
      ...(flag.env === undefined ? [] : [`environment ${flag.env.join(", ")}`]),
    ];
    return [left, notes.length === 0 ? flag.summary : `${flag.summary} (${notes.join("; ")})`] as const;
  });
}
