import { type CommandEntry, resolveCommand } from "../../commands/command_table.ts";
import { kebab } from "../../commands/help.ts";

/** What stands in code in a Markdown text: the spans of its lines, and the lines of its blocks. */
export function codeTexts(markdown: string): string[] {
  const texts: string[] = [];
  let isBlock = false;
  for (const line of markdown.replaceAll("\\\n", " ").split("\n")) {
    if (/^\s*(```|~~~)/.test(line)) isBlock = !isBlock;
    else if (isBlock) texts.push(line);
    else texts.push(...[...line.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code));
  }
  return texts;
}

/** What of `transfer COMMAND --flag …` in a text of code there is not, one text each. */
export async function unknownWords(code: string): Promise<string[]> {
  const problems: string[] = [];
  for (
    const [, words = ""] of code.matchAll(/(?:^|[^\w/.-])transfer ((?:[a-z]+[a-z-]*(?: |$)|--)[^|;&>#]*)/g)
  ) {
    const argv = words.trim().split(/\s+/);
    if (argv[0] === "help" || argv[0] === "--help" || argv[0] === "--version") continue;
    try {
      const { name, entry } = resolveCommand(argv);
      problems.push(...await unknownFlags(argv, entry, name));
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  return problems;
}

async function unknownFlags(argv: readonly string[], entry: CommandEntry, name: string): Promise<string[]> {
  const known = ["help", ...Object.keys((await entry.load()).flags).map(kebab)];
  const given = argv.flatMap((word) => /^--([a-z][a-z-]*)/.exec(word)?.[1] ?? []);
  return given.filter((flag) => !known.includes(flag)).map((flag) => `transfer ${name} has no --${flag}`);
}
