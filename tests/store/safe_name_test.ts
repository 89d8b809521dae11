import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { numberedName, safeRelativePath } from "../../store/safe_name.ts";

const CASES: readonly (readonly [string, string | undefined])[] = [
  ["film.mkv", "film.mkv"],
  ["photos/2026/one.jpg", "photos/2026/one.jpg"],
  ["photos\\one.jpg", "photos/one.jpg"],
  ["./a//b", "a/b"],
  ["../../etc/passwd", "passwd"],
  ["a/../../b", "b"],
  ["/etc/passwd", "passwd"],
  ["C:\\Windows\\x.dll", "x.dll"],
  ["\\\\server\\share\\x", "x"],
  ["..", undefined],
  ["a/..", undefined],
  ["/", undefined],
  ["", undefined],
  [" . ", undefined],
  [".", undefined],
  ["...", "_"],
  [".bashrc", "_bashrc"],
  ["name. . ", "name"],
  ["CON", "_CON"],
  ["con.txt", "_con.txt"],
  ["nul/x", "_nul/x"],
  ["console", "console"],
  ["a\nb\u0007", "a_b_"],
  ["x\u202egpj.exe", "x_gpj.exe"],
  ["what?.txt", "what_.txt"],
  ["x.part", "x.part_"],
  ["x.PART", "x.PART_"],
  ["x.part.journal", "x.part.journal_"],
  ["x.part/y", "x.part_/y"],
  ["e\u0301.txt", "\u00e9.txt"],
  [`${"x".repeat(300)}.txt`, `${"x".repeat(229)}.txt`],
  ["x".repeat(235), "x".repeat(235)],
  ["é".repeat(200), "é".repeat(116)],
  // What a cut brings forth is guarded too.
  [`${"x".repeat(230)}.part${"y".repeat(50)}`, `${"x".repeat(230)}.pa`],
  [`${"x".repeat(228)}.part${"y".repeat(50)}`, `${"x".repeat(228)}.part_`],
  [`${"x".repeat(220)}.part${"z".repeat(50)}.journal`, `${"x".repeat(220)}.part.journal_`],
  [`${"x".repeat(230)}.part`, `${"x".repeat(228)}.part_`],
  [`${"x".repeat(232)} ${"y".repeat(50)}`, "x".repeat(232)],
  ["\ud800", "\ufffd"],
  [`${"d/".repeat(40)}x`, "x"],
];

for (const [given, expected] of CASES) {
  Deno.test(`safeRelativePath: ${JSON.stringify(given).slice(0, 50)}`, () => {
    assertEquals(safeRelativePath(given), expected);
  });
}

Deno.test("whatever the name, the path is clean, and cleaning it again changes nothing", () => {
  const hostile = fc.array(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "..",
        ".",
        "/",
        "\\",
        "CON",
        ".part",
        ".journal",
        "\u0000",
        "C:",
        " ",
        "aux.x",
        "\u202e",
      ),
    ),
    { maxLength: 8 },
  ).map((parts) => parts.join(""));
  const long = fc.tuple(fc.nat(260), hostile).map(([length, rest]) => "x".repeat(length) + rest);
  fc.assert(
    fc.property(fc.oneof(hostile, long), (name) => {
      const path = safeRelativePath(name);
      if (path === undefined) return;
      assert(!path.startsWith("/") && !path.includes("\\") && !path.includes("\0"), path);
      for (const part of path.split("/")) {
        assert(part !== "" && !part.startsWith(".") && !/[. ]$/.test(part), JSON.stringify(part));
        assert(!/\.part(\.journal)?$/i.test(part), part);
        assert(new TextEncoder().encode(`${part} (9999).part.journal`).length <= 255, part);
      }
      assertEquals(safeRelativePath(path), path);
    }),
    { numRuns: 6000 },
  );
});

Deno.test("numberedName keeps folder and extension", () => {
  assertEquals(numberedName("a.b/film.mkv", 0), "a.b/film.mkv");
  assertEquals(numberedName("a.b/film.mkv", 2), "a.b/film (2).mkv");
  assertEquals(numberedName("a.b/film", 1), "a.b/film (1)");
  assertEquals(numberedName("_x.tar.gz", 1), "_x.tar (1).gz");
});
