import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { answer } from "../../../protocols/tcp_file/answers.ts";
import { BLOCK_BYTES } from "../../../protocols/tcp_file/blocks.ts";
import { digestOf, rootOf } from "../../../protocols/tcp_file/digests.ts";
import { FrameReader } from "../../../protocols/tcp_file/frame_reader.ts";
import { decodeError, ERROR_CODE } from "../../../protocols/tcp_file/messages.ts";
import { Outbox } from "../../../protocols/tcp_file/outbox.ts";
import { SendMemory } from "../../../protocols/tcp_file/send_memory.ts";
import { FileChangedError, UnreadableError } from "../../../store/found_files.ts";
import { ServedFiles } from "../../../protocols/tcp_file/served_files.ts";
import { Catalogue } from "../../../store/catalogue.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { tempDir } from "../../support/temp_dir.ts";

const forbidden = {
  openFile() {
    throw new Deno.errors.PermissionDenied("/srv/secret place: permission denied");
  },
  readFile: () => undefined,
  statFile: () => undefined,
};

Deno.test("digests and root are the same by whatever buffer they are computed", async () => {
  await using dir = await tempDir();
  const bytes = pseudoRandomBytes(2 * BLOCK_BYTES + 70_000);
  await Deno.writeFile(join(dir.path, "file"), bytes);
  await using catalogue = await Catalogue.open(dir.path, { isWatching: false });
  const root = rootOf([0, 1, 2].map((i) => digestOf(bytes.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES))));
  for (const bufferBytes of [1000, 65_536, 2 ** 21]) {
    using files = new ServedFiles(catalogue);
    const file = files.find("file");
    if (file === undefined) throw new Error("not found");
    const buffer = new Uint8Array(bufferBytes);
    const piece = { offset: BLOCK_BYTES, length: BLOCK_BYTES };
    assertEquals(
      new Uint8Array(await files.digestByParts(file, piece, { buffer, sure: true })),
      new Uint8Array(digestOf(bytes.subarray(BLOCK_BYTES, 2 * BLOCK_BYTES))),
    );
    assertEquals(await files.root(file, buffer), root);
    assertEquals(await files.root(file, buffer), root);
  }
});

Deno.test("more files than may be open are read from a slow disk at a time, and each is read right", async () => {
  await using dir = await tempDir();
  const names = Array.from({ length: 300 }, (_, i) => `file ${i}`);
  for (const name of names) await Deno.writeTextFile(join(dir.path, name), name.padEnd(8));
  await using catalogue = await Catalogue.open(dir.path, { isWatching: false });
  using files = new ServedFiles({
    statFile: (path) => catalogue.statFile(path),
    readFile: () => undefined,
    openFile(path) {
      const opened = catalogue.openFile(path);
      if (opened !== undefined) slowDown(opened.file);
      return opened;
    },
  });
  const texts = await Promise.all(names.map(async (name) => {
    const file = files.find(name);
    if (file === undefined) throw new Error("not found");
    const buffer = new Uint8Array(8);
    await files.read(file, 0, buffer);
    return new TextDecoder().decode(buffer).trim();
  }));
  assertEquals(texts, names);
});

/** Has reads take so long that the next ones are left to a thread. */
function slowDown(file: Deno.FsFile): void {
  const readSync = file.readSync.bind(file);
  file.readSync = (buffer) => {
    const untilMs = performance.now() + 6;
    while (performance.now() < untilMs);
    return readSync(buffer);
  };
}

Deno.test("a root is of one state of the file, also when all of its digests are known", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "file");
  await Deno.writeFile(path, pseudoRandomBytes(2 * BLOCK_BYTES));
  await using catalogue = await Catalogue.open(dir.path, { isWatching: false });
  using files = new ServedFiles(catalogue);
  const file = files.find("file");
  if (file === undefined) throw new Error("not found");
  const buffer = new Uint8Array(BLOCK_BYTES);
  const before = await files.root(file, buffer);
  // Of the same length, and with the same time of its last change.
  await Deno.writeFile(path, pseudoRandomBytes(2 * BLOCK_BYTES, 2));
  await Deno.utime(path, 1, file.version.mtimeMs / 1000);
  const now = files.find("file");
  if (now === undefined) throw new Error("not found");
  assertEquals(now.version, file.version);
  assertEquals(await files.root(now, buffer) === before, false);
  await Deno.truncate(path, 5);
  await assertRejects(() => files.root(file, buffer), FileChangedError);
});

Deno.test("digests that are known are not computed again, nor trusted when the file is another", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "file");
  const bytes = pseudoRandomBytes(2 * BLOCK_BYTES);
  await Deno.writeFile(path, bytes);
  await using catalogue = await Catalogue.open(dir.path, { isWatching: false });
  // Far enough from the last change.
  using files = new ServedFiles(catalogue, { nowMs: () => Date.now() + 3_600_000 });
  const file = files.find("file");
  if (file === undefined) throw new Error("not found");
  const block = { offset: 0, length: BLOCK_BYTES };
  const digest = new Uint8Array(files.digest(file, block, bytes.subarray(0, BLOCK_BYTES)));
  // Of other bytes: as it is known, they are not looked at.
  assertEquals(new Uint8Array(files.digest(file, block, bytes.subarray(BLOCK_BYTES))), digest);
  await files.root(file, new Uint8Array(BLOCK_BYTES));
  await Deno.truncate(path, 5);
  await assertRejects(() => files.root(file, new Uint8Array(BLOCK_BYTES)), FileChangedError);
});

Deno.test("what the system does not let be read is told as that, and why only to the log", async () => {
  await using dir = await tempDir();
  await using catalogue = await Catalogue.open(dir.path, { isWatching: false });
  using files = new ServedFiles(forbidden);
  assertThrows(() => files.find("file"), UnreadableError);
  const reader = new FrameReader({ sender: "server" });
  const out = new Outbox({
    write(bytes) {
      reader.space().set(bytes);
      reader.filled(bytes.length);
      return Promise.resolve(bytes.length);
    },
  }, { memory: new SendMemory(1) });
  const problems: unknown[] = [];
  const sources = {
    catalogue,
    files,
    onFile() {},
    onProblem: (problem: unknown) => void problems.push(problem),
    checkOpen() {},
  };
  await answer({ type: "get", request: 7, path: "file", offset: 0, length: 1 }, out, sources);
  await out.flush();
  const frame = reader.next();
  assertEquals(frame?.request, 7);
  assertEquals(decodeError(frame?.payload ?? new Uint8Array(0)), {
    code: ERROR_CODE.unreadable,
    text: "The server can't read this file",
  });
  const reason = "/srv/secret place: permission denied";
  assertEquals(problems, [{ type: "unreadable", path: "file", reason }]);
  // A plain client has no word for it.
  await answer({ type: "plain", asked: { kind: "size", name: "file" } }, out, sources);
  assertEquals(problems.length, 2);
});
