/** A fenced block of a Markdown file. */
export interface DocBlock {
  /** The first line of the block, starting with 1. */
  readonly line: number;
  /** The heading that it stands below, `""` for none. */
  readonly section: string;
  /** What follows the fence: `sh run`, `text`. */
  readonly info: string;
  readonly text: string;
}

/** A command of a session, and what it is shown to print. */
export interface DocCommand {
  /** Where it stands, as `README.md:12`. */
  readonly place: string;
  /** The same line, starting with 1. */
  readonly line: number;
  readonly script: string;
  /** Lines of standard output; `undefined` when nothing is claimed of it. */
  readonly shown: readonly string[] | undefined;
}

/** What is run in one shell. */
export interface DocSection {
  readonly commands: DocCommand[];
  /** Programs that are not everywhere. */
  readonly needs: string[];
}

const SHELLS: readonly string[] = ["sh", "bash", "shell", "console"];

/** The fenced blocks of a Markdown text, in order; hidden commands (`<!-- run: … -->`) are blocks of `sh run`. */
export function docBlocks(markdown: string): DocBlock[] {
  const blocks: DocBlock[] = [];
  let section = "";
  let open:
    | { readonly fence: string; readonly info: string; readonly line: number; lines: string[] }
    | undefined;
  for (const [index, line] of markdown.split("\n").entries()) {
    const fence = /^\s*(```+|~~~+)\s*(.*)$/.exec(line);
    if (open !== undefined) {
      if (fence?.[1] === open.fence && fence[2] === "") {
        blocks.push({ line: open.line, section, info: open.info, text: open.lines.join("\n") });
        open = undefined;
      } else open.lines.push(line);
      continue;
    }
    if (fence !== null) open = { fence: fence[1] ?? "", info: fence[2] ?? "", line: index + 2, lines: [] };
    section = /^#+ (.*)$/.exec(line)?.[1] ?? section;
    const hidden = /^<!-- run: (.*) -->$/.exec(line)?.[1];
    if (hidden !== undefined) blocks.push({ line: index + 1, section, info: "sh run", text: hidden });
  }
  if (open !== undefined) throw new Error(`line ${open.line}: the block has no end`);
  return blocks;
}

/** What is wrong with the mark of a block: shells are `run`, `run with PROGRAM`, or `norun` and a reason. */
export function markProblem({ info, text }: DocBlock): string | undefined {
  const [language = "", mark, ...reason] = info.split(" ");
  if (!SHELLS.includes(language)) {
    return /^\$ /m.test(text) ? "commands in a block that is no shell" : undefined;
  }
  if (mark === "run") {
    return reason.length === 0 || (reason[0] === "with" && reason.length === 2)
      ? undefined
      : "run, or run with PROGRAM";
  }
  if (mark !== "norun") return "neither run nor norun";
  return reason.length === 0 ? "norun without a reason" : undefined;
}

/**
 * The commands of a block that is to be run: of `console` each line that begins with `$ `, up to a line that
 * does not end with a backslash, and below it what it prints; of others the whole, of which nothing is claimed.
 */
export function docCommands(file: string, { info, line, text }: DocBlock): DocCommand[] {
  if (!info.startsWith("console ")) {
    return [{ place: `${file}:${line}`, line, script: text, shown: undefined }];
  }
  const commands: { place: string; line: number; script: string; shown: string[] }[] = [];
  let isContinued = false;
  for (const [index, each] of text.split("\n").entries()) {
    const last = commands.at(-1);
    const isCommand = each.startsWith("$ ");
    if (isCommand) {
      const at = line + index;
      commands.push({ place: `${file}:${at}`, line: at, script: each.slice(2), shown: [] });
    } else if (last === undefined) throw new Error(`${file}:${line}: output without a command`);
    else if (isContinued) last.script += `\n${each}`;
    else last.shown.push(each);
    isContinued = (isCommand || isContinued) && each.endsWith("\\");
  }
  return commands;
}

/** What of a file is to be run, by the section that it stands in. */
export function docSections(file: string, markdown: string): Map<string, DocSection> {
  const found = new Map<string, DocSection>();
  for (const block of docBlocks(markdown)) {
    const mark = /^\w+ run(?: with (\S+))?$/.exec(block.info);
    if (mark === null) continue;
    const section = found.get(block.section) ?? { commands: [], needs: [] };
    section.commands.push(...docCommands(file, block));
    section.needs.push(...mark.slice(1).filter((name) => name !== undefined));
    found.set(block.section, section);
  }
  return found;
}

const VARYING: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?Z?/g, "TIME"],
  [/\d+(\.\d+)? [kKMG]?B\/s\b/g, "N B/s"],
  [/\d+(\.\d+)? (ms|s|min)\b/g, "N $2"],
  [/("(?:ts|last_seen_ms|seconds|bytesPerSecond|pid)":)[\d.]+/g, "$1N"],
];

/** A line of output without what differs from run to run: times, durations and speeds. */
function withoutVarying(line: string): string {
  return VARYING.reduce((text, [pattern, written]) => text.replace(pattern, written), line.trimEnd());
}

/**
 * Whether lines that were printed are those that are shown: but for times, durations and speeds, for what
 * stands where `…` is shown in a line, and for any lines where `…` is a line of its own.
 */
export function isShown(shown: readonly string[], printed: readonly string[]): boolean {
  const pattern = shown.map((line) =>
    line === "…" ? "(?:.*\n)*" : withoutVarying(line).split("…").map(RegExp.escape).join(".*") + "\n"
  ).join("");
  return new RegExp(`^${pattern}$`).test(printed.map((line) => `${withoutVarying(line)}\n`).join(""));
}
