import { assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";
import { filesBelow } from "./support/bytes.ts";

const ROOT = dirname(dirname(fromFileUrl(import.meta.url)));
const MOST_LINES = 300;
const MOST_FUNCTION_LINES = 60;
const FOLDERS = ["bench", "commands", "demo", "net", "protocols", "store", "terminal", "tests", "web"];

/** The sources as they are, by path. */
async function sources(): Promise<ReadonlyMap<string, readonly string[]>> {
  const paths = ["build.ts", "demo.ts", "main.ts"];
  for (const folder of FOLDERS) {
    paths.push(...(await filesBelow(join(ROOT, folder))).map((path) => join(folder, path)));
  }
  const found = new Map<string, readonly string[]>();
  for (const path of paths.filter((each) => /\.[jt]s$/.test(each))) {
    found.set(path, (await Deno.readTextFile(join(ROOT, path))).split("\n"));
  }
  return found;
}

/** A line that ends what comes before the body of a function: the formatter leaves no other forms. */
const BEFORE_BODY = /(?:=>|\)|\)?: [^=]*) \{$/;
const NO_FUNCTION =
  /^\s*(?:\} )?(?:if|else|for|while|switch|case|catch|try|do|class|interface|type|const \w+: |export (?:default |abstract )*(?:class|interface|type))\b/;

/** Functions, by the line of their body's brace, with how many lines they have to the closing one. */
function* functionsOf(
  lines: readonly string[],
): Generator<{ readonly line: number; readonly length: number }> {
  for (const [index, line] of lines.entries()) {
    if (!BEFORE_BODY.test(line) || (NO_FUNCTION.test(line) && !line.endsWith("=> {"))) continue;
    const indent = /^ */.exec(line)?.[0] ?? "";
    const end = lines.findIndex((other, at) => at > index && other.startsWith(`${indent}}`));
    if (end !== -1) yield { line: index + 1, length: end - index + 1 };
  }
}

Deno.test("no file and no function is too long to be read at once", async () => {
  const found = await sources();
  const long: string[] = [];
  for (const [path, lines] of found) {
    if (lines.length - 1 > MOST_LINES) long.push(`${path}: ${lines.length - 1} lines`);
    for (const { line, length } of functionsOf(lines)) {
      if (length > MOST_FUNCTION_LINES) long.push(`${path}:${line}: a function of ${length} lines`);
    }
  }
  assertEquals(long, []);
});

Deno.test("functions of all forms are seen", () => {
  const text = [
    "function one(",
    "  word: string,",
    "): void {",
    "  if (word) {",
    "  }",
    "}",
    "class Some {",
    "  async #two(): Promise<Map<string, number>> {",
    "    const three = ({ a, b }: Both) => {",
    "    };",
    "  }",
    "}",
  ];
  assertEquals([...functionsOf(text)], [
    { line: 3, length: 4 },
    { line: 8, length: 4 },
    { line: 9, length: 2 },
  ]);
});
