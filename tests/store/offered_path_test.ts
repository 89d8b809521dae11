import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { readOffered } from "../../store/offered_path.ts";
import { tempDir } from "../support/temp_dir.ts";

const INSIDE = "inside";
const OUTSIDE = "secret";

/** A root with `folder/file`, beside a folder of the same form that is not to be given out. */
async function roots(dir: string): Promise<{ readonly root: string; readonly outside: string }> {
  const real = await Deno.realPath(dir);
  const [root, outside] = [join(real, "root"), join(real, "outside")];
  for (const [at, text] of [[join(root, "folder"), INSIDE], [outside, OUTSIDE]] as const) {
    await Deno.mkdir(at, { recursive: true });
    await Deno.writeTextFile(join(at, "file"), text);
  }
  return { root, outside };
}

function read(root: string, path: string, buffer = new Uint8Array(64)): string | undefined {
  const info = readOffered(root, path, buffer);
  return info && new TextDecoder().decode(buffer.subarray(0, info.size));
}

Deno.test("a short file is read at one go, and what is none is left to others", async () => {
  await using dir = await tempDir();
  const { root, outside } = await roots(dir.path);
  await Deno.writeTextFile(join(root, "empty"), "");
  await Deno.writeTextFile(join(root, ".hidden"), INSIDE);
  await Deno.writeTextFile(join(root, "a.part"), INSIDE);
  await Deno.symlink("folder/file", join(root, "link"));
  await Deno.symlink(join(outside, "file"), join(root, "way out"));
  await Deno.symlink("folder", join(root, "folder link"));
  await Deno.symlink(outside, join(root, "folder out"));
  await new Deno.Command("mkfifo", { args: [join(root, "pipe")] }).output();
  assertEquals(read(root, "folder/file"), INSIDE);
  assertEquals(read(root, "empty"), "");
  assertEquals(read(root, "folder/file", new Uint8Array(INSIDE.length)), INSIDE);
  assertEquals(read(root, "folder/file", new Uint8Array(INSIDE.length - 1)), undefined);
  for (
    const path of [
      "",
      "none",
      "folder",
      ".hidden",
      "a.part",
      "../outside/file",
      "link",
      "way out",
      "folder link/file",
      "folder out/file",
      "pipe",
    ]
  ) assertEquals(read(root, path), undefined, path);
});

/** Calls of the file system in their order, and what somebody does right before one of them. */
type Change = (at: { readonly root: string; readonly outside: string }) => void;
const SWAP_OUT: Change = ({ root, outside }) => {
  Deno.renameSync(join(root, "folder"), join(root, "before"));
  Deno.symlinkSync(outside, join(root, "folder"));
};
const SWAP_BACK: Change = ({ root }) => {
  Deno.removeSync(join(root, "folder"));
  Deno.renameSync(join(root, "before"), join(root, "folder"));
};
/** By another one of the same size and time. */
const REPLACE: Change = ({ root }) => {
  const { mtime } = Deno.statSync(join(root, "folder/file"));
  Deno.writeTextFileSync(join(root, "new"), "INSIDE");
  Deno.utimeSync(join(root, "new"), 0, mtime ?? 0);
  Deno.renameSync(join(root, "new"), join(root, "folder/file"));
};

const RACES: readonly (readonly [string, Readonly<Partial<Record<Step, Change>>>])[] = [
  ["a folder becomes a link before the file is opened", { openSync: SWAP_OUT }],
  ["a folder becomes a link for the moment of opening", { openSync: SWAP_OUT, realPathSync: SWAP_BACK }],
  ["a folder is a link until the file was opened", { first: SWAP_OUT, realPathSync: SWAP_BACK }],
  ["a folder becomes a link after the file was read", { realPathSync: SWAP_OUT }],
  ["another file takes the place before it is opened", { openSync: REPLACE }],
  ["another file takes the place after it was read", { realPathSync: REPLACE }],
  ["the file is deleted after it was read", {
    realPathSync: ({ root }) => Deno.removeSync(join(root, "folder/file")),
  }],
  ["the file grows before it is opened", {
    openSync: ({ root }) => Deno.writeTextFileSync(join(root, "folder/file"), "more", { append: true }),
  }],
  ["the file shrinks before it is opened", {
    openSync: ({ root }) => Deno.truncateSync(join(root, "folder/file"), 1),
  }],
  ["the file is written to, and is as long as before", {
    openSync: ({ root }) => {
      Deno.writeTextFileSync(join(root, "folder/file"), "INSIDE");
      Deno.utimeSync(join(root, "folder/file"), 0, 1);
    },
  }],
];
type Step = "first" | "openSync" | "realPathSync";

for (const [what, changes] of RACES) {
  Deno.test(`nothing is given out when ${what}`, async () => {
    await using dir = await tempDir();
    const at = await roots(dir.path);
    changes.first?.(at);
    using _open = before("openSync", () => changes.openSync?.(at));
    using _real = before("realPathSync", () => changes.realPathSync?.(at));
    assertEquals(read(at.root, "folder/file"), undefined);
  });
}

/** Does something right before the next call of a function. */
function before(name: "openSync" | "realPathSync", act: () => void): Disposable {
  const original = Deno[name];
  const restore = () => void Object.assign(Deno, { [name]: original });
  const replaced = (...args: unknown[]): unknown => {
    restore();
    act();
    return Reflect.apply(original, Deno, args);
  };
  Object.assign(Deno, { [name]: replaced });
  return { [Symbol.dispose]: restore };
}
