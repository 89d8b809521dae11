import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { type Command, defineCommand, EXIT, UsageError } from "../../commands/command.ts";
import {
  byteSize,
  byteSizeBetween,
  credentials,
  httpUrl,
  logFormat,
  origins,
  sha256Checksum,
  text,
  toggle,
  token,
  webSocketUrl,
  wholeNumber,
} from "../../commands/flag_values.ts";
import { headers, proxyUrl } from "../../commands/request_flag_values.ts";

let seen: unknown;
const lines = (text: string) => text === "" ? [] : text.split("\n");
const sample: Command = defineCommand({
  name: "sample",
  summary: "A sample",
  examples: [["transfer sample --size 8M a.bin", "A sample of 8 MiB"]],
  arguments: "FILE...",
  flags: {
    size: { summary: "A size", valueName: "SIZE", default: "64K", env: ["SAMPLE_SIZE"], parse: byteSize },
    maxPeers: { summary: "A number", valueName: "N", parse: wholeNumber(1, 9) },
    lanes: {
      summary: "A bounded number",
      valueName: "N",
      default: "5",
      boundedBy: "maxLanes",
      parse: wholeNumber(1, 64),
    },
    note: { summary: "Notes", valueName: "TEXT", default: "", isList: true, separator: "\n", parse: lines },
    allowOrigin: { summary: "Origins", valueName: "ORIGIN", default: "", isList: true, parse: origins },
    token: { summary: "A token", valueName: "TOKEN", parse: token, isSecret: true },
    quiet: { summary: "Quiet", default: "false", parse: toggle },
  },
  run(values, { args }) {
    seen = { ...values, args };
    return Promise.resolve(EXIT.done);
  },
});

async function run(argv: readonly string[], env: Record<string, string> = {}): Promise<unknown> {
  seen = undefined;
  await sample.run(argv, { signal: new AbortController().signal, env: (name) => env[name] });
  return seen;
}

const DEFAULTS = {
  size: 65_536,
  lanes: 5,
  note: [],
  maxPeers: undefined,
  allowOrigin: [],
  token: undefined,
  quiet: false,
};

Deno.test("flags, arguments and defaults", async () => {
  assertEquals(await run([]), { ...DEFAULTS, args: [] });
  assertEquals(await run(["a", "--size", "1M", "--max-peers=3", "--quiet", "007", "-"]), {
    ...DEFAULTS,
    size: 2 ** 20,
    maxPeers: 3,
    quiet: true,
    args: ["a", "007", "-"],
  });
  assertEquals(await run(["--", "--size"]), { ...DEFAULTS, args: ["--size"] });
  assertEquals(await run(["--allow-origin", "http://a", "--allow-origin", "https://b:1"]), {
    ...DEFAULTS,
    allowOrigin: ["http://a", "https://b:1"],
    args: [],
  });
});

Deno.test("a flag beats the environment, which beats the settings file, which beats the default", async () => {
  const config = await Deno.makeTempFile({ prefix: "transfer-test-", suffix: ".json" });
  try {
    await Deno.writeTextFile(config, JSON.stringify({ size: "1K", maxPeers: 5, quiet: true, $schema: "x" }));
    const flags = ["--config", config];
    assertEquals(await run(flags), { ...DEFAULTS, size: 1024, maxPeers: 5, quiet: true, args: [] });
    const env = { TRANSFER_SIZE: "2K", TRANSFER_MAX_PEERS: "4" };
    assertEquals(await run(flags, env), { ...DEFAULTS, size: 2048, maxPeers: 4, quiet: true, args: [] });
    assertEquals(await run([...flags, "--size", "3K"], env), {
      ...DEFAULTS,
      size: 3072,
      maxPeers: 4,
      quiet: true,
      args: [],
    });
    assertEquals(await run([], { SAMPLE_SIZE: "5" }), { ...DEFAULTS, size: 5, args: [] });
    assertEquals(await run([], { TRANSFER_CONFIG: config, SAMPLE_SIZE: "5" }), {
      ...DEFAULTS,
      size: 5,
      maxPeers: 5,
      quiet: true,
      args: [],
    });
    await assertRejects(
      () => run([...flags, "--max-peers", "6"]),
      UsageError,
      '--max-peers: 6 is more than "maxPeers" of the settings file allows, 5',
    );
    await Deno.writeTextFile(config, "[]");
    await assertRejects(() => run(flags), UsageError, "is not an object of settings");
    await assertRejects(() => run(["--config", join(config, "none")]), UsageError, "can't be read");
  } finally {
    await Deno.remove(config);
  }
});

Deno.test("a key of the settings file bounds a flag of another name, and its default", async () => {
  const config = await Deno.makeTempFile({ prefix: "transfer-test-", suffix: ".json" });
  try {
    await Deno.writeTextFile(config, JSON.stringify({ maxLanes: 3, note: ["a, b", "c"] }));
    const flags = ["--config", config];
    assertEquals(await run(flags), { ...DEFAULTS, lanes: 3, note: ["a, b", "c"], args: [] });
    assertEquals(await run([...flags, "--lanes", "2", "--note", "x,y", "--note", "z"]), {
      ...DEFAULTS,
      lanes: 2,
      note: ["x,y", "z"],
      args: [],
    });
    await assertRejects(
      () => run([...flags, "--lanes", "4"]),
      UsageError,
      '--lanes: 4 is more than "maxLanes" of the settings file allows, 3',
    );
    await assertRejects(
      () => run(flags, { TRANSFER_LANES: "4" }),
      UsageError,
      "TRANSFER_LANES: 4 is more than",
    );
  } finally {
    await Deno.remove(config);
  }
});

const REFUSED: readonly (readonly [readonly string[], string])[] = [
  [["--nope"], "Unknown flag: --nope"],
  [["--siez=1"], "Unknown flag: --siez=1; did you mean --size?"],
  [["--max-per", "1"], "Unknown flag: --max-per; did you mean --max-peers?"],
  [["-x"], "Unknown flag: -x"],
  [["--quiet=no"], "--quiet takes no value"],
  [["--size"], "--size needs a value: SIZE"],
  [["--size", "1", "--size", "2"], "--size is given twice"],
  [["--size", "many"], '--size: expected a size such as 65536, 512K, 8M or 1G, got "many"'],
  [["--max-peers", "10"], '--max-peers: expected a whole number from 1 to 9, got "10"'],
  [["--max-peers=-1"], '--max-peers: expected a whole number from 1 to 9, got "-1"'],
  [["--allow-origin", "example.org"], "--allow-origin: expected origins such as"],
];

for (const [argv, message] of REFUSED) {
  Deno.test(`refused: ${argv.join(" ")}`, async () => {
    await assertRejects(() => run(argv), UsageError, message);
  });
}

Deno.test("a secret is not repeated in an error", async () => {
  const error = await assertRejects(() => run(["--token", "my secret"]), UsageError);
  assertEquals(error.message.includes("secret"), false);
});

Deno.test("--help shows every flag, its default and its environment", () => {
  for (
    const line of [
      "Usage: transfer sample FILE... [flags]",
      "--max-peers N",
      "(default 64K; environment SAMPLE_SIZE)",
      "\n  transfer sample --size 8M a.bin\n      A sample of 8 MiB\n",
    ]
  ) {
    assertStringIncludes(sample.help(80), line);
  }
});

Deno.test("--help fills its lines to the width it is given, and breaks examples where a shell goes on", () => {
  for (const width of [24, 40, 80, 100]) {
    const lines = sample.help(width).split("\n");
    for (const line of lines) {
      // An indented word may be wider.
      assert(line.length <= width || !line.trim().includes(" "), line);
    }
  }
  assertStringIncludes(
    sample.help(24),
    "\n  transfer sample \\\n    --size 8M a.bin\n      A sample of 8 MiB\n",
  );
  assertStringIncludes(sample.help(40), "\n  --allow-origin ORIGIN\n      ");
});

const VALUES: readonly (readonly [(text: string) => unknown, string, unknown])[] = [
  [byteSize, "0", 0],
  [byteSize, "1.5G", 1.5 * 2 ** 30],
  [byteSize, "8MiB", 8 * 2 ** 20],
  [byteSize, "8mb", 8 * 2 ** 20],
  [byteSize, "-1", RangeError],
  [byteSize, "", RangeError],
  [byteSize, "1e9", RangeError],
  [byteSize, "9999999T", RangeError],
  [byteSizeBetween("1", "4M"), "4M", 2 ** 22],
  [byteSizeBetween("1", "4M"), "0", RangeError],
  [byteSizeBetween("1", "4M"), "5M", RangeError],
  [wholeNumber(0, 65_535), "65535", 65_535],
  [wholeNumber(0, 65_535), "1.5", RangeError],
  [wholeNumber(0, 65_535), " 1", RangeError],
  [toggle, "true", true],
  [toggle, "yes", RangeError],
  [text, "any", "any"],
  [logFormat, "json", "json"],
  [logFormat, "xml", RangeError],
  [origins, "http://a:80", ["http://a"]],
  [origins, "https://a/", RangeError],
  [origins, "ftp://a", RangeError],
  [webSocketUrl, "ws://localhost:8765/ws", "ws://localhost:8765/ws"],
  [webSocketUrl, "http://localhost", RangeError],
  [webSocketUrl, "ws://user:pw@localhost", RangeError],
  [token, "a b", RangeError],
  [httpUrl, "https://a/b c", "https://a/b%20c"],
  [httpUrl, "ftp://a", RangeError],
  [httpUrl, "a.iso", RangeError],
  [headers, "", []],
  [headers, "Accept: a, b;q=0.5\nX-A:1", [["Accept", "a, b;q=0.5"], ["X-A", "1"]]],
  [headers, "no header", RangeError],
  [headers, "X-A: 1\r", [["X-A", "1"]]],
  [headers, "Range: bytes=0-1", RangeError],
  [credentials, "me:pass:word", { name: "me", password: "pass:word" }],
  [credentials, "me", { name: "me", password: "" }],
  [credentials, ":x", RangeError],
  [sha256Checksum, `sha-256=${"A1".repeat(32)}`, "a1".repeat(32)],
  [sha256Checksum, `sha-256=${"a1".repeat(31)}`, RangeError],
  [sha256Checksum, `md5=${"a1".repeat(16)}`, RangeError],
  [proxyUrl, "proxy.lan:3128", "proxy.lan:3128"],
  [proxyUrl, "socks5://proxy.lan", RangeError],
];

for (const [parse, given, expected] of VALUES) {
  Deno.test(`${parse.name || "between"}(${JSON.stringify(given)})`, () => {
    let found: unknown;
    try {
      found = parse(given);
    } catch (error) {
      found = error instanceof RangeError ? RangeError : error;
    }
    assertEquals(found, expected);
  });
}
