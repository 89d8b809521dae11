/**
 * Runs what README.md and docs/ show in shell blocks, in order, each section in an empty directory and a
 * network of its own that has loopback alone, and compares what is shown to be printed.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname, join } from "@std/path";
import {
  docBlocks,
  type DocCommand,
  docCommands,
  docSections,
  isShown,
  markProblem,
} from "./support/doc_blocks.ts";
import { runCommands } from "./support/doc_run.ts";
import { codeTexts, unknownWords } from "./support/doc_words.ts";
import { CAN_HIDE_TREE, ROOT } from "./support/program.ts";
import { tempDir } from "./support/temp_dir.ts";

const FILES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", ...await docs()];
const TEXTS = new Map(FILES.map((file) => [file, Deno.readTextFileSync(join(ROOT, file))]));

async function docs(): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(join(ROOT, "docs")), ({ name }) => `docs/${name}`);
  return names.filter((name) => name.endsWith(".md")).toSorted();
}

/** What is wrong with commands that are run in order, an empty text when nothing is. */
async function runProblem(commands: readonly DocCommand[]): Promise<string> {
  const { code, stderr, printed } = await runCommands(commands);
  const problems = commands.flatMap(({ place, script, shown }, index) => {
    const lines = printed[index];
    if (shown === undefined || lines === undefined || isShown(shown, lines)) return [];
    return [`${place}: ${script}\nshown:\n${shown.join("\n")}\nprinted:\n${lines.join("\n")}`];
  });
  if (code !== 0) problems.push(`${commands[printed.length - 1]?.place}: exit code ${code}`);
  return problems.length === 0 ? "" : `${problems.join("\n\n")}\n\n${stderr}`;
}

function isInstalled(program: string): boolean {
  return new Deno.Command("sh", { args: ["-c", `command -v ${program}`], stdout: "null" }).outputSync()
    .success;
}

for (const [file, text] of TEXTS) {
  for (const [section, { commands, needs }] of docSections(file, text)) {
    const ignore = !CAN_HIDE_TREE || !needs.every(isInstalled);
    Deno.test({ name: `${file}, ${section}: prints what is shown`, ignore }, async () => {
      assertEquals(await runProblem(commands), "");
    });
  }
}

Deno.test(
  { name: "the systemd unit is one", ignore: !CAN_HIDE_TREE || !isInstalled("systemd-analyze") },
  async () => {
    await using dir = await tempDir();
    const units = docBlocks(TEXTS.get("docs/operations.md") ?? "").filter(({ info }) => info === "ini");
    assertEquals(units.length, 1);
    for (const { text } of units) {
      // A server that has nothing to read again ends by SIGHUP, and systemd takes that for a wish.
      assert(!text.includes("-HUP") || text.includes("--tls-cert"));
      const unit = join(dir.path, "transfer.service");
      // The command is looked for; here it is where every machine has one.
      await Deno.writeTextFile(unit, text.replace("/usr/local/bin/transfer", "/bin/true"));
      const { code, stderr } = await new Deno.Command("systemd-analyze", {
        args: ["verify", "--man=no", unit],
      })
        .output();
      assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    }
  },
);

Deno.test("every block of commands is run, or says why not", () => {
  const problems = [...TEXTS].flatMap(([file, text]) =>
    docBlocks(text).flatMap((block) => {
      const problem = markProblem(block);
      return problem === undefined ? [] : [`${file}:${block.line}: ${problem}`];
    })
  );
  assertEquals(problems, []);
});

Deno.test("every command and flag that is named in code is there", async () => {
  const problems: string[] = [];
  for (const [file, text] of TEXTS) {
    for (const code of codeTexts(text)) {
      problems.push(...(await unknownWords(code)).map((problem) => `${file}: ${code}: ${problem}`));
    }
  }
  assertEquals(problems, []);
});

Deno.test("every task that is named is there", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const named = [...TEXTS.values()].flatMap((text) => [...text.matchAll(/task ([a-z]+(?::[a-z]+)?)\b/g)]);
  const missing = named.map(([, task = ""]) => task).filter((task) => !(task in tasks));
  assertEquals(missing, []);
});

Deno.test("every file of the tree that is named or linked to is there", () => {
  const missing: string[] = [];
  for (const [file, text] of TEXTS) {
    const links = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, to = ""]) =>
      join(dirname(file), to)
    );
    const named = codeTexts(text).flatMap((code) =>
      code.match(
        /(?<![\w./$~@-])(?:commands|protocols|store|net|terminal|web|tests|bench|types|docs)\/[\w./-]*\w/g,
      ) ?? []
    );
    for (const path of [...links, ...named]) {
      try {
        Deno.statSync(join(ROOT, path));
      } catch {
        missing.push(`${file}: ${path}`);
      }
    }
  }
  assertEquals(missing, []);
});

Deno.test("every package that is used is explained", async () => {
  const { imports } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const text = TEXTS.get("docs/architecture.md") ?? "";
  const packages = Object.values(imports as Record<string, string>).map((specifier) =>
    /^npm:(@?[^@]+)@/.exec(specifier)?.[1] ?? specifier
  );
  assert(packages.length > 5);
  assertEquals(packages.filter((name) => !text.includes(`\`${name}\``)), []);
});

for (
  const [what, lines, expected] of [
    ["a command that is not there", ["$ transfer uplaod film.mkv"], /exit code 2\n/],
    ["another output than what is printed", ["$ echo yes", "no"], /printed:\nyes/],
    ["a line more than what is shown", ["$ seq 2", "1"], /printed:\n1\n2/],
    ["a server that does not start", ["$ transfer ws-serve --port 70000 &"], /exit code/],
    ["a host that is elsewhere", ["$ curl -sS http://192.0.2.1/"], /exit code 7/],
  ] as const
) {
  Deno.test({ name: `${what} is noticed`, ignore: !CAN_HIDE_TREE }, async () => {
    const block = { line: 1, section: "", info: "console run", text: lines.join("\n") };
    assertMatch(await runProblem(docCommands("sample", block)), expected);
  });
}

Deno.test("blocks without a mark, and without a reason, are noticed", () => {
  for (const info of ["sh", "bash", "console", "sh norun", "sh run again", "sh later"]) {
    const [block] = docBlocks(`\`\`\`${info}\n$ true\n\`\`\`\n`);
    assert(block !== undefined && markProblem(block) !== undefined, info);
  }
  const [block] = docBlocks("```\n$ true\n```\n");
  assert(block !== undefined && markProblem(block) !== undefined);
});

Deno.test("times, durations and speeds may differ from what is shown, and nothing else", () => {
  const shown = ["5 bytes in 0.10 s, 1.0 MB/s", "id …, then", "…", "end"];
  assert(isShown(shown, ["5 bytes in 12 s, 100 MB/s", "id 17, then", "a", "b", "end"]));
  assert(isShown(shown, ["5 bytes in 12 s, 100 MB/s", "id 17, then", "end"]));
  assert(!isShown(shown, ["6 bytes in 12 s, 100 MB/s", "id 17, then", "end"]));
  assert(!isShown(shown, ["5 bytes in 12 s, 100 MB/s", "id 17, then", "end", "more"]));
});

Deno.test("commands and flags that are not there are noticed", async () => {
  for (
    const code of ["transfer uplaod film.mkv", "X=1 transfer upload --paralel 3", "transfer tracker --conf x"]
  ) {
    assertEquals((await unknownWords(code)).length, 1, code);
  }
  for (
    const code of ["transfer upload x --parallel 3", "transfer tracker proxy --conf x", "/etc/transfer/token"]
  ) {
    assertEquals(await unknownWords(code), [], code);
  }
});
