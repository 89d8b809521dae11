import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import fc from "fast-check";
import { COMMANDS, loadAll } from "../../commands/command_table.ts";
import { UsageError } from "../../commands/exit_code.ts";
import { flagValue } from "../../commands/flag_sources.ts";
import { text, toggle, wholeNumber } from "../../commands/flag_values.ts";
import { JsonProblem, parsePlaced } from "../../commands/json_text.ts";
import { parseSettings } from "../../commands/settings_file.ts";
import { settingsSchema } from "../../commands/settings_schema.ts";
import { mistakes } from "../support/json_schema.ts";
import { ROOT } from "../support/program.ts";

const FLAGS = {
  port: { summary: "", valueName: "PORT", parse: wholeNumber(0, 9) },
  lanes: { summary: "", valueName: "N", boundedBy: "maxLanes", parse: wholeNumber(0, 9) },
  tag: { summary: "", valueName: "T", isList: true, parse: text },
  quiet: { summary: "", parse: toggle },
};

function read(json: string, command = "sample") {
  return parseSettings({ path: "t.json", text: json, command, flags: FLAGS });
}

Deno.test("a key under the command's name wins, those of other commands are only checked", () => {
  const settings = read('{"port": 1, "lanes": 2, "sample": {"port": 3}, "upload": {"parallel": 4}}');
  const values = [...settings].map(([key, { value, name, place }]) => [key, value, name, place]);
  assertEquals(values, [
    ["port", 3, '"port" of "sample"', "t.json:1:44"],
    ["lanes", 2, '"lanes"', "t.json:1:22"],
  ]);
});

Deno.test("keys of other commands are no mistake at the top, nor is what is flag and command", () => {
  const settings = read('{"$schema": "x", "congestion": "cubic", "maxThreads": 2, "tracker": "http://a"}');
  assertEquals([...settings.keys()], ["$schema", "congestion", "maxThreads", "tracker"]);
});

const WRONG: readonly (readonly [json: string, message: string])[] = [
  ['{"prot": 1}', 't.json:1:2: unknown key "prot"; did you mean "port"?'],
  ['{"max-lanes": 1}', 't.json:1:2: unknown key "max-lanes"; did you mean "maxLanes"?'],
  ['{"--quiet": true}', 't.json:1:2: unknown key "--quiet"; did you mean "quiet"?'],
  ['{"qqqqqqqq": 1}', 't.json:1:2: unknown key "qqqqqqqq"'],
  ['{"sample": {"config": "a"}}', 't.json:1:13: unknown key "config" of "sample"'],
  [
    '{"sample":\n {"\u4f60": 1,\n  "posrt": 1}}',
    't.json:2:3: unknown key "\u4f60" of "sample"\nt.json:3:3: unknown key "posrt" of "sample"; did you mean "port"?',
  ],
  ['{"uplaod": {}}', 't.json:1:2: unknown key "uplaod"; did you mean "upload"?'],
  ['{"upload": {"paralel": 1}}', 't.json:1:13: unknown key "paralel" of "upload"; did you mean "parallel"?'],
  ['{"upload": 1}', 't.json:1:12: "upload": expected an object with the settings of that command'],
  ['{"port": 1, "port": 2}', 't.json:1:13: "port" is there twice'],
  ['{"port": 1,}', 't.json:1:12: expected a key in double quotes, got "}"'],
  ['{"port": 1', 't.json:1:11: expected "," or "}", got the end'],
  ['{"port" 1}', 't.json:1:9: expected ":", got "1"'],
  ['{"port": }', 't.json:1:10: expected a value, got "}"'],
  ['{"port": 01}', 't.json:1:11: expected ",", got "1"'],
  ['{"port": yes}', 't.json:1:10: expected a value, got "y"'],
  ["{port: 1}", 't.json:1:2: expected a key in double quotes, got "p"'],
  ['{"tag": "a\n"}', 't.json:1:9: expected a text that ends in its line, got "\\""'],
  ['{"tag": ["a" "b"]}', 't.json:1:14: expected ",", got "\\""'],
  ['// What holds\n{"port": 1}', 't.json:1:1: expected JSON, got "/"'],
  ["{} {}", 't.json:1:4: expected the end, got "{"'],
  ["", "t.json:1:1: expected a value, got the end"],
  ["[]", "Settings file t.json is not an object of settings"],
  [`{"tag": ${"[".repeat(100_000)}${"]".repeat(100_000)}}`, "t.json:1:1: expected fewer levels"],
];

for (const [json, message] of WRONG) {
  Deno.test(`refused: ${json.slice(0, 40)}`, () => {
    assertEquals(assertThrows(() => read(json), UsageError).message.startsWith(message), true, message);
  });
}

const VALUES: readonly (readonly [key: keyof typeof FLAGS, json: string, expected: unknown])[] = [
  ["port", "9", 9],
  ["port", '"9"', 't.json:1:10: "port": expected a whole number, got "9"'],
  ["port", "1.5", 't.json:1:10: "port": expected a whole number, got 1.5'],
  ["port", "10", 't.json:1:10: "port": expected a whole number from 0 to 9, got "10"'],
  ["port", "null", 't.json:1:10: "port": expected a whole number, got null'],
  ["quiet", "false", false],
  ["quiet", '"true"', 't.json:1:11: "quiet": expected true or false, got "true"'],
  ["tag", '["a", "b"]', "a,b"],
  ["tag", '"a"', "a"],
  ["tag", "[1]", 't.json:1:9: "tag": expected a text, or a list of them, got [1]'],
];

for (const [key, json, expected] of VALUES) {
  Deno.test(`${key}: ${json}`, () => {
    const settings = read(`{"${key}": ${json}}`);
    let found: unknown;
    try {
      found = flagValue(key, FLAGS[key], { given: new Map(), env: () => undefined, settings }).value;
    } catch (error) {
      found = error instanceof UsageError ? error.message : error;
    }
    assertEquals(found, expected);
  });
}

Deno.test("JSON is read as JSON.parse does", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), fc.nat(), fc.string({ maxLength: 2 }), (json, at, inserted) => {
      const index = at % (json.length + 1);
      for (const text of [json, json.slice(0, index) + inserted + json.slice(index)]) {
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          assertThrows(() => parsePlaced(text), JsonProblem);
          continue;
        }
        assertEquals(JSON.stringify(parsePlaced(text).value), JSON.stringify(expected));
      }
    }),
  );
});

const COMMANDS_THERE = await loadAll(COMMANDS);

Deno.test("the schema in the tree is that of the flags: transfer config --schema", async () => {
  const kept: unknown = JSON.parse(await Deno.readTextFile(join(ROOT, "docs", "transfer.schema.json")));
  assertEquals(kept, JSON.parse(JSON.stringify(settingsSchema(COMMANDS_THERE))));
});

Deno.test("what a command takes from a settings file, the schema allows", () => {
  const schema = settingsSchema(COMMANDS_THERE);
  const samples = [
    true,
    0,
    5,
    70_000,
    1.5,
    "",
    "5",
    "8M",
    "8mib",
    "1.5G",
    "30s",
    "json",
    "cubic",
    "ann",
    "http://a",
  ]
    .flatMap((sample) => [sample, [sample]]);
  let taken = 0;
  for (const { name, flags } of COMMANDS_THERE) {
    for (const [key, flag] of Object.entries(flags)) {
      if (key === "config") continue;
      for (const value of samples) {
        const settings = new Map([[key, { value, name: key, place: "" }]]);
        try {
          flagValue(key, flag, { given: new Map(), env: () => undefined, settings });
        } catch (error) {
          if (error instanceof UsageError) continue;
          throw error;
        }
        taken++;
        for (const file of [{ [key]: value }, { [name]: { [key]: value } }]) {
          assertEquals(mistakes(file, schema), [], `${name}: ${JSON.stringify(file)}`);
        }
      }
    }
  }
  assertEquals(taken > 300, true);
});

Deno.test("what the schema refuses", () => {
  const schema = settingsSchema(COMMANDS_THERE);
  const wrong = [
    { prot: 1 },
    { port: "1" },
    { port: 70_000 },
    { quiet: "true" },
    { congestion: "reno" },
    { upload: { threads: 2 } },
    { upload: { parallel: 257 } },
    { "fetch-ranges": { timeout: "30" } },
    { tracker: 5 },
  ];
  for (const file of wrong) assertEquals(mistakes(file, schema).length > 0, true, JSON.stringify(file));
});
