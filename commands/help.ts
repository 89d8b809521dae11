import type { Flags } from "./flag.ts";

/** The name of a flag as it is typed, without dashes. */
export function kebab(camelCase: string): string {
  return camelCase.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** What `--help` prints of a command. */
export function renderHelp(command: {
  readonly name: string;
  readonly summary: string;
  readonly arguments: string;
  readonly details?: string;
  readonly examples: readonly (readonly [line: string, does: string])[];
  readonly flags: Flags;
}): string {
  const usage = ["transfer", command.name, command.arguments, "[flags]"].filter((part) => part !== "")
    .join(" ");
  return [
    command.summary,
    "",
    `Usage: ${usage}`,
    ...(command.details === undefined ? [] : ["", command.details.trim()]),
    "",
    "Flags:",
    ...columns([...flagRows(command.flags), ["--help", "Show this help"]]),
    "",
    "Examples:",
    ...command.examples.flatMap(([line, does]) => [`  ${line}`, `      ${does}`]),
    "",
    "Each flag can also be set by an environment variable (--max-file: TRANSFER_MAX_FILE)",
    'or in transfer.json (maxFile); "transfer config" shows what holds.',
  ].join("\n");
}

/** Rows of two columns, indented, the second one aligned. */
export function columns(rows: readonly (readonly [left: string, right: string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
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
