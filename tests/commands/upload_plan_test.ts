import { assertEquals } from "@std/assert";
import { basename, join } from "@std/path";
import { isOneFile, type Planned, planUploads } from "../../commands/upload_plan.ts";
import { HAS_UNIX_FILES } from "../support/machine.ts";

/** Files (by path, a directory ends in "/", a link says "path -> target") in a directory of their own. */
async function inTree(
  entries: readonly string[],
  test: (at: (path: string) => string, root: string) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "transfer-test-" });
  try {
    for (const entry of entries) {
      const [path = "", target] = entry.split(" -> ");
      await Deno.mkdir(join(root, path.endsWith("/") ? path : join(path, "..")), { recursive: true });
      if (target !== undefined) await Deno.symlink(target, join(root, path));
      else if (!path.endsWith("/")) await Deno.writeTextFile(join(root, path), path);
    }
    await test((path) => `${root}/${path}`, root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** What a plan comes to, in short: the name of a file, or a path below the root and what is said of it. */
async function planned(root: string, paths: readonly string[]): Promise<string[]> {
  const steps: Planned[] = await Array.fromAsync(planUploads(paths));
  return steps.map((step) => {
    if (step.kind === "file") return step.name;
    return `${step.path.slice(root.length + 1)}: ${step.kind === "failed" ? step.error : step.reason}`;
  });
}

const LINK = "a link; name it to send what it points to";
const PHOTOS = ["photos/b.jpg", "photos/a/z.jpg", "photos/a/.hidden.jpg", "photos/a.jpg", "photos/B.txt"];

Deno.test("a directory keeps its own name, and everything below it is sent, sorted", async () => {
  await inTree(PHOTOS, async (at, root) => {
    const all = ["B.txt", "a/.hidden.jpg", "a/z.jpg", "a.jpg", "b.jpg"].map((name) => `photos/${name}`);
    assertEquals(await planned(root, [at("photos")]), all);
    assertEquals(await planned(root, [at("photos/")]), all);
    assertEquals(await planned(root, [at("photos/a/..")]), all);
    assertEquals(await planned(root, [at("photos/a")]), ["a/.hidden.jpg", "a/z.jpg"]);
  });
});

Deno.test({
  name: "a link is followed when it is named, and passed over below a directory or a pattern",
  ignore: !HAS_UNIX_FILES,
}, async () => {
  const tree = [
    "film.mkv",
    "dir/inside.txt",
    "dir/link.mkv -> ../film.mkv",
    "dir/loop -> .",
    "l -> film.mkv",
  ];
  await inTree([...tree, "d -> dir"], async (at, root) => {
    const links = [`dir/link.mkv: ${LINK}`, `dir/loop: ${LINK}`];
    assertEquals(await planned(root, [at("dir")]), ["dir/inside.txt", ...links]);
    assertEquals(await planned(root, [at("dir/link.mkv")]), ["link.mkv"]);
    assertEquals(await planned(root, [at("d")]), [
      "d/inside.txt",
      ...links.map((text) => text.slice(0, 1) + text.slice(3)),
    ]);
    assertEquals(await planned(root, [at("*")]), [
      `d: ${LINK}`,
      "dir/inside.txt",
      ...links,
      "film.mkv",
      `l: ${LINK}`,
    ]);
  });
});

Deno.test("an empty directory is told, and so is what is no file", async () => {
  await inTree(["x/empty/", "x/one"], async (at, root) => {
    const listener = Deno.listen({ transport: "unix", path: at("x/socket") });
    try {
      assertEquals(await planned(root, [at("x")]), [
        "x/empty: an empty directory",
        "x/one",
        "x/socket: no regular file",
      ]);
    } finally {
      listener.close();
    }
  });
});

Deno.test("a directory that can't be read fails, and the rest goes on", async () => {
  await inTree(["x/a/one", "x/b/two", "x/c/three"], async (at) => {
    const steps: Planned[] = [];
    for await (const step of planUploads([at("x")])) {
      steps.push(step);
      // It is read when its turn comes, so what happens to it meanwhile counts.
      await Deno.remove(at("x/b"), { recursive: true }).catch(() => {});
    }
    assertEquals(steps, [
      { kind: "file", path: at("x/a/one"), name: "x/a/one" },
      { kind: "failed", path: at("x/b"), error: "There is no such file" },
      { kind: "file", path: at("x/c/three"), name: "x/c/three" },
    ]);
  });
});

const GLOBS = [
  "a/1.jpg",
  "a/2.png",
  "a/b/3.jpg",
  "a/.git/4.jpg",
  "b/5.jpg",
  ".c/6.jpg",
  "7.jpg",
  "a/d.jpg/8.txt",
];

const PATTERNS: readonly (readonly [string, readonly string[]])[] = [
  ["*.jpg", ["7.jpg"]],
  ["**/*.jpg", ["7.jpg", "a/1.jpg", "a/d.jpg/8.txt", "a/b/3.jpg", "b/5.jpg"]],
  ["a/**/*.jpg", ["1.jpg", "d.jpg/8.txt", "b/3.jpg"]],
  ["a/*.{jpg,png}", ["1.jpg", "2.png", "d.jpg/8.txt"]],
  ["?/[0-4]*", ["a/1.jpg", "a/2.png"]],
  [".*/*.jpg", [".c/6.jpg"]],
  ["a/.*/*", ["4.jpg"].map((name) => `.git/${name}`)],
  ["*/b/*", ["a/b/3.jpg"]],
  ["b/**", ["5.jpg"]],
  ["*.iso", ["*.iso: Nothing matches this pattern"]],
  ["{a/b,b}/*", ["{a/b,b}/*: Nothing matches this pattern"]],
  ["7.jpg/*", ["7.jpg/*: Nothing matches this pattern"]],
];

for (const [pattern, names] of PATTERNS) {
  Deno.test(`the pattern ${pattern}`, async () => {
    await inTree(GLOBS, async (at, root) => assertEquals(await planned(root, [at(pattern)]), names));
  });
}

Deno.test({
  name: "a directory that a pattern leads through and that can't be read is a failure",
  ignore: !HAS_UNIX_FILES,
}, async () => {
  await inTree(["a/x", "loop -> loop"], async (at, root) => {
    const [first, second = "", ...others] = await planned(root, [at("*/x")]);
    assertEquals([first, second.split(":")[0], others], ["a/x", "loop", []]);
  });
});

Deno.test("a pattern without a directory is looked for in this one", async () => {
  assertEquals(await planned("", ["deno.jso?"]), ["deno.json"]);
});

Deno.test("a file whose name looks like a pattern is that file", async () => {
  await inTree(["[a].txt", "a.txt", "*"], async (at, root) => {
    assertEquals(await planned(root, [at("[a].txt")]), ["[a].txt"]);
    assertEquals(await planned(root, [at("*")]), ["*"]);
    assertEquals(await planned(root, [at("[ab].txt")]), ["a.txt"]);
  });
});

Deno.test({
  name: "a file that is named twice is sent once, whichever way it is named",
  ignore: !HAS_UNIX_FILES,
}, async () => {
  await inTree(["d/x", "d/y", "l -> d/x"], async (at, root) => {
    assertEquals(await planned(root, [at("d/x"), at("d/./x"), at("l"), at("d"), at("d/*"), at("gone")]), [
      "x",
      "d/y",
      "gone",
    ]);
  });
});

Deno.test({ name: "one file is told from what may be several", ignore: !HAS_UNIX_FILES }, async () => {
  await inTree(["d/x", "d/[x]", "l -> d/x"], async (at) => {
    for (const path of ["d/x", "l", "d/[x]", "none"]) assertEquals(await isOneFile([at(path)]), true, path);
    for (const path of ["d", "d/*", "d/[y]"]) assertEquals(await isOneFile([at(path)]), false, path);
    assertEquals(await isOneFile([at("d/x"), at(`d/${basename("x")}`)]), false);
  });
});
