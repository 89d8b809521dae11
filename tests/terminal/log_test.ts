import { assertEquals } from "@std/assert";
import { jsonLine, terminalLine, textLine } from "../../terminal/log.ts";

function record(properties: Record<string, unknown>) {
  return {
    timestamp: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
    level: "info",
    message: ["upload started"],
    properties,
  } as const;
}

/** What a client can put into a name, to end a line, start another, or act on a terminal. */
const HOSTILE = [
  "two\nlines level=error",
  "\r\u001b[2Jcleared",
  'quote" offset=9',
  "back\\slash\\",
  "a\u2028b\u2029c\u0085d",
  "\u202egnp.exe",
  "\u009b31m",
  "\ud800",
];

Deno.test("a record is a line of time, level, message and fields, in both forms", () => {
  const one = record({ name: "film.mkv", offset: 5, path: "/a b" });
  assertEquals(
    textLine(one),
    '2026-01-02T03:04:05.006Z info    upload started name=film.mkv offset=5 path="/a b"',
  );
  assertEquals(
    jsonLine(one),
    '{"time":"2026-01-02T03:04:05.006Z","level":"info","message":"upload started",' +
      '"name":"film.mkv","offset":5,"path":"/a b"}',
  );
});

Deno.test("on a terminal a record has a short time, and is broken between its parts", () => {
  const fields = { name: "a film.mkv", offset: 5, fileSize: 300_000_000 };
  const time = new Date(record({}).timestamp).toTimeString().slice(0, 8);
  assertEquals(
    terminalLine(record(fields), 80),
    `${time} upload started name="a film.mkv" offset=5 fileSize=300000000`,
  );
  assertEquals(
    terminalLine({ ...record(fields), level: "warning" }, 40).split("\n"),
    [`${time} warning: upload started`, '         name="a film.mkv" offset=5', "         fileSize=300000000"],
  );
});

for (const hostile of HOSTILE) {
  Deno.test(`on a terminal ${JSON.stringify(hostile)} neither ends a line nor acts`, () => {
    const [first = "", ...more] = terminalLine(record({ name: hostile }), 400).split("\n");
    assertEquals(more, []);
    assertEquals(first.slice(8), textLine(record({ name: hostile })).slice(32).replace(/^ */, " "));
  });
}

Deno.test("a field can't stand in for time, level or message", () => {
  assertEquals(
    JSON.parse(jsonLine(record({ level: "error", time: 0 }))),
    { time: "2026-01-02T03:04:05.006Z", level: "info", message: "upload started" },
  );
});

for (const name of HOSTILE) {
  Deno.test(`a name stays one value of one printable line: ${JSON.stringify(name)}`, () => {
    for (const line of [textLine(record({ name })), jsonLine(record({ name }))]) {
      // deno-lint-ignore no-control-regex
      assertEquals(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\ud800-\udfff]/.exec(line), null);
    }
    const text = textLine(record({ name }));
    assertEquals(JSON.parse(text.slice(text.indexOf("name=") + 5)), name);
    assertEquals(JSON.parse(jsonLine(record({ name }))).name, name);
  });
}
