import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS, type CommandTable } from "../../commands/command_table.ts";
import { transfer } from "../support/program.ts";
import { completingShells } from "../support/shells.ts";
import { tempDir } from "../support/temp_dir.ts";

/** What each line is completed to, in a directory with `film.mkv`, `fresh one.iso` and `photos/`. */
const CASES: Readonly<Record<string, readonly string[]>> = {
  "transfer ud": ["udp-get", "udp-serve"],
  "transfer udp-g": ["udp-get"],
  "transfer --vers": ["--version"],
  "transfer nonsense ": [],
  "transfer udp-get --cong": ["--congestion"],
  "transfer udp-get --congestion ": ["cubic", "rate"],
  "transfer udp-get --congestion c": ["cubic"],
  "transfer udp-get --congestion=c": ["cubic"],
  "transfer udp-get --offset ": [],
  "transfer udp-get --offset 5 --leng": ["--length"],
  "transfer upload fi": ["film.mkv"],
  "transfer upload fr": ["fresh one.iso"],
  "transfer upload --ca fi": ["film.mkv"],
  "transfer upload film.mkv --para": ["--parallel"],
  "transfer tcp-serve ph": ["photos"],
  "transfer ws-serve --dir ph": ["photos"],
  "transfer tracker ": ["backup", "chat", "export", "proxy", "serve", "user"],
  "transfer tracker ba": ["backup"],
  "transfer tracker user ": ["add"],
  "transfer tracker user add --us": ["--users"],
  "transfer tracker --peer": ["--peer-ttl"],
  "transfer tracker proxy --log=j": ["json"],
  "transfer completions ": ["bash", "fish", "zsh"],
  "transfer completions f": ["fish"],
};

Deno.test("bash, zsh and fish complete commands, flags, their values, and files where they are taken", async () => {
  await using dir = await tempDir();
  const cwd = `${dir.path}/here`;
  await Deno.mkdir(`${cwd}/photos`, { recursive: true });
  for (const name of ["film.mkv", "fresh one.iso"]) await Deno.writeTextFile(`${cwd}/${name}`, "");
  for (const shell of await completingShells(dir.path)) {
    const cases = Object.entries(CASES)
      .filter(([line, { length }]) => shell.name !== "zsh" || length === 1 && !line.endsWith(" fr"));
    const offered = await shell.complete(cases.map(([line]) => line), cwd);
    for (const [i, [line, expected]] of cases.entries()) {
      // A directory may have a slash behind it.
      const found = offered[i]?.map((word) => word.replace(/\/$/, ""));
      assertEquals(found, expected, `${shell.name}: ${line}`);
    }
  }
});

/** The words of every command of a table. */
function namesOf(table: CommandTable, before = "transfer"): string[] {
  return Object.entries(table).flatMap(([name, { subcommands = {} }]) => [
    `${before} ${name}`,
    ...namesOf(subcommands, `${before} ${name}`),
  ]);
}

Deno.test("what shells offer for a command is what its --help lists", async () => {
  await using dir = await tempDir();
  const names = namesOf(COMMANDS);
  assert(names.length > 14, names.join());
  const helps = await Promise.all(names.map((name) => transfer([...name.split(" ").slice(1), "--help"])));
  const listed = helps.map(({ stdout }) =>
    [...stdout.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, flag = ""]) => flag)
  );
  for (const { stdout } of helps) assertEquals(stdout.split("\n").filter(({ length }) => length > 80), []);
  for (const shell of (await completingShells(dir.path)).filter(({ name }) => name !== "zsh")) {
    const offered = await shell.complete(names.map((name) => `${name} --`), dir.path);
    for (const [i, name] of names.entries()) {
      assertEquals(offered[i], listed[i]?.toSorted(), `${shell.name}: ${name}`);
    }
  }
});

Deno.test("each command's --help has examples, and they are command lines that hold", async () => {
  const check = async (table: CommandTable, before: string) => {
    for (const [name, { load, subcommands = {} }] of Object.entries(table)) {
      const { examples, flags, help } = await load();
      assert(examples.length > 0, name);
      for (const [line, does] of examples) {
        assertStringIncludes(help(200), `  ${line}\n      ${does}\n`);
        // "tracker" alone is "tracker serve".
        assertStringIncludes(`${line} `, `transfer ${before}${name === "serve" ? "" : `${name} `}`);
        // What follows "--" is another command's.
        const [own = ""] = line.split(" -- ");
        for (const [, flag = "", value] of own.matchAll(/ --([a-z-]+)(?: ([^\s-]\S*))?/g)) {
          const key = flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
          const declared = flags[key];
          assert(declared !== undefined, line);
          if (declared.valueName !== undefined) declared.parse(value ?? "");
        }
      }
      await check(subcommands, `${before}${name} `);
    }
  };
  await check(COMMANDS, "");
});
