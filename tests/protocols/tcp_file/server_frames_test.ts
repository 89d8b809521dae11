import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { clientProof, isProof, serverProof } from "../../../protocols/tcp_file/auth.ts";
import { BLOCK_BYTES } from "../../../protocols/tcp_file/blocks.ts";
import { digestOf, rootOf } from "../../../protocols/tcp_file/digests.ts";
import { encodeFrame, FRAME } from "../../../protocols/tcp_file/frames.ts";
import {
  type DataBlock,
  decodeData,
  decodeError,
  encodeGet,
  ERROR_CODE,
  type Refusal,
} from "../../../protocols/tcp_file/messages.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { concat } from "../../support/client_frames.ts";
import { type FrameClient, frameClient, joined } from "../../support/frame_client.ts";
import { HAS_UNIX_FILES } from "../../support/machine.ts";
import { tcpFileServer } from "../../support/tcp_file_server.ts";

function codeOf(answer: object): number | undefined {
  return "code" in answer && typeof answer.code === "number" ? answer.code : undefined;
}

function blocksOf(bytes: Uint8Array): Uint8Array[] {
  const starts = Array.from({ length: Math.ceil(bytes.length / BLOCK_BYTES) }, (_, i) => i * BLOCK_BYTES);
  return starts.map((start) => bytes.subarray(start, start + BLOCK_BYTES));
}

Deno.test("a file comes in blocks, each with its digest, and has a root", async () => {
  const bytes = pseudoRandomBytes(3 * BLOCK_BYTES + 5);
  await using server = await tcpFileServer({ "a/b c.bin": bytes });
  await Deno.utime(join(server.dir, "a/b c.bin"), 1, 1_234_567.891);
  using client = await frameClient(server.port);
  const answer = await client.get("a/b c.bin");
  assertEquals(joined(answer), bytes);
  for (const block of "code" in answer ? [] : answer) {
    assertEquals(new Uint8Array(digestOf(block.bytes)), block.digest);
    assertEquals(block.version, { size: bytes.length, mtimeMs: 1_234_567_891 });
  }
  const root = rootOf(blocksOf(bytes).map(digestOf));
  const expected = { path: "a/b c.bin", size: bytes.length, mtimeMs: 1_234_567_891, root };
  assertEquals(await client.root("a/b c.bin"), expected);
});

Deno.test("a root of a file that was never given out is the same", async () => {
  const bytes = pseudoRandomBytes(2 * BLOCK_BYTES + 100_000);
  await using server = await tcpFileServer({ "file": bytes, "empty": "" });
  using client = await frameClient(server.port);
  const answer = await client.root("file");
  assertEquals("root" in answer && answer.root, rootOf(blocksOf(bytes).map(digestOf)));
  const empty = await client.root("empty");
  assertEquals("root" in empty && empty.root, rootOf([]));
});

Deno.test("ranges are clamped, and one without bytes is answered all the same", async () => {
  const bytes = pseudoRandomBytes(2 * BLOCK_BYTES + 5);
  await using server = await tcpFileServer({ "file": bytes, "empty": "" });
  using client = await frameClient(server.port);
  const ranges = [[0, 1], [BLOCK_BYTES - 1, 2], [2 * BLOCK_BYTES, 2 ** 50], [5, 0], [2 ** 52, 7]] as const;
  for (const [offset, length] of ranges) {
    assertEquals(joined(await client.get("file", offset, length)), bytes.subarray(offset, offset + length));
  }
  const answer = await client.get("empty");
  assertEquals(
    "code" in answer ? undefined : answer.map(({ bytes, version }) => [bytes.length, version.size]),
    [
      [0, 0],
    ],
  );
});

Deno.test("every file and directory is listed, also with names that a plain client can't ask for", async () => {
  const names = ["a\nb", "c|d", "e \"f' g", "h\\i", "ü", "sub/deep/file", "zero"];
  await using server = await tcpFileServer(Object.fromEntries(names.map((name) => [name, name])));
  using client = await frameClient(server.port);
  const list = await client.list();
  assert(Array.isArray(list));
  assertEquals(list.map(({ path }) => path), [...names, "sub", "sub/deep"].sort());
  for (const name of names) assertEquals(joined(await client.get(name)), new TextEncoder().encode(name));
  const below = await client.list("sub");
  assertEquals(Array.isArray(below) && below.map(({ path, type }) => [path, type]), [
    ["sub", "directory"],
    ["sub/deep", "directory"],
    ["sub/deep/file", "file"],
  ]);
  assertEquals(codeOf(await client.list("su")), ERROR_CODE.notFound);
});

Deno.test("a list of any length comes in pages", async () => {
  const names = Array.from({ length: 3000 }, (_, i) => `${i} ${"x".repeat(100)}`);
  await using server = await tcpFileServer(Object.fromEntries(names.map((name) => [name, ""])));
  using client = await frameClient(server.port);
  const list = await client.list();
  assertEquals(Array.isArray(list) && list.map(({ path }) => path), [...names].sort());
});

Deno.test("a file that came after the last look is found", async () => {
  await using server = await tcpFileServer({});
  using client = await frameClient(server.port);
  await Deno.mkdir(join(server.dir, "new"));
  await Deno.writeTextFile(join(server.dir, "new/file"), "1");
  assertEquals(joined(await client.get("new/file")), new TextEncoder().encode("1"));
  const list = await client.list("new/file");
  assertEquals(Array.isArray(list) && list.length, 1);
  // A client skips what it has with the same size and time: they must not be from before.
  await Deno.utime(join(server.dir, "new/file"), 1, 2);
  const later = await client.list();
  assertEquals(Array.isArray(later) && later.map(({ mtimeMs }) => mtimeMs).at(-1), 2000);
});

Deno.test({
  name: "what is not offered is not found, what is no path is a bad request, and the connection goes on",
  ignore: !HAS_UNIX_FILES,
}, async () => {
  await using server = await tcpFileServer({ "sub/file": "1", ".hidden": "1", "x.part": "1" });
  await Deno.symlink("/etc", join(server.dir, "etc"));
  await Deno.symlink("/etc/passwd", join(server.dir, "passwd"));
  using client = await frameClient(server.port);
  for (const path of ["sub", "none", ".hidden", "x.part", "etc/passwd", "etc", "passwd", "sub/file/x"]) {
    assertEquals(codeOf(await client.get(path)), ERROR_CODE.notFound, path);
    assertEquals(codeOf(await client.root(path)), ERROR_CODE.notFound, path);
  }
  for (const path of ["../x", "/etc/passwd", "sub/../sub/file", "sub//file", "./sub", "a\0b", "sub/"]) {
    assertEquals(codeOf(await client.get(path)), ERROR_CODE.badRequest, path);
    assertEquals(codeOf(await client.list(path)), ERROR_CODE.badRequest, path);
  }
  assertEquals(joined(await client.get("sub/file")), new TextEncoder().encode("1"));
});

/** Reads what is left of an answer, whose first block has been read. */
async function restOf(client: FrameClient): Promise<{ blocks: DataBlock[]; refusal: Refusal | undefined }> {
  const blocks: DataBlock[] = [];
  for (;;) {
    const frame = await client.frame();
    if (frame === undefined) throw new Error("The server has hung up");
    if (frame.type === FRAME.error) return { blocks, refusal: decodeError(frame.payload) };
    blocks.push(decodeData(frame.payload));
    if (frame.isEnd) return { blocks, refusal: undefined };
  }
}

const CHANGES: Readonly<Record<string, (path: string) => Promise<void>>> = {
  shrinks: (path) => Deno.truncate(path, BLOCK_BYTES),
  grows: (path) => Deno.writeTextFile(path, "more", { append: true }),
  vanishes: (path) => Deno.remove(path),
  async "is replaced"(path) {
    await Deno.writeTextFile(`${path}.new`, "other");
    await Deno.truncate(`${path}.new`, 64 * BLOCK_BYTES);
    await Deno.rename(`${path}.new`, path);
  },
  async "is written to in place"(path) {
    using file = await Deno.open(path, { write: true });
    await file.write(new Uint8Array([1]));
    await file.utime(5, 5);
  },
};

for (const [how, change] of Object.entries(CHANGES)) {
  Deno.test(`a file that ${how} while it is sent is told as changed, and the connection goes on`, async () => {
    await using server = await tcpFileServer({ "file": "", "other": "1" });
    const path = join(server.dir, "file");
    await Deno.truncate(path, 64 * BLOCK_BYTES);
    using client = await frameClient(server.port);
    const payload = encodeGet({ path: "file", offset: 0, length: 64 * BLOCK_BYTES });
    await client.send(FRAME.get, payload);
    await client.frame();
    // The rest does not fit into the buffers of the connection: the server is not through.
    await change(path);
    const { blocks, refusal } = await restOf(client);
    assertEquals(refusal?.code, ERROR_CODE.changed);
    for (const block of blocks) assertEquals(block.version.size, 64 * BLOCK_BYTES);
    assertEquals((await server.told("changed")).path, "file");
    assertEquals(joined(await client.get("other")), new TextEncoder().encode("1"));
  });
}

Deno.test("many small files come over one connection, asked for at once, in order", async () => {
  const names = Array.from({ length: 2000 }, (_, i) => `file ${i}`);
  await using server = await tcpFileServer(Object.fromEntries(names.map((name) => [name, name.repeat(300)])));
  using client = await frameClient(server.port);
  const asked = names.map((path, i) =>
    encodeFrame(
      { type: FRAME.get, request: i + 1, isEnd: false },
      encodeGet({ path, offset: 0, length: 9999 }),
    )
  );
  const writing = client.write(concat(asked));
  for (const [i, name] of names.entries()) {
    const frame = await client.frame();
    assertEquals(frame?.request, i + 1);
    assertEquals(
      decodeData(frame?.payload ?? new Uint8Array(0)).bytes,
      new TextEncoder().encode(name.repeat(300)),
    );
  }
  await writing;
});

Deno.test("with a token both ends prove that they know it, or nothing is served", async () => {
  await using server = await tcpFileServer({ "file": "1" }, { token: "secret" });
  using client = await frameClient(server.port);
  assertEquals(client.greeting.list.length, 0);
  const nonces = { client: client.nonce, server: client.greeting.nonce };
  await client.send(FRAME.auth, clientProof("secret", nonces));
  const proof = await client.frame();
  assert(isProof(proof?.payload ?? new Uint8Array(0), serverProof("secret", nonces)));
  assertEquals(joined(await client.get("file")), new TextEncoder().encode("1"));

  for (const wrong of [clientProof("other", nonces), serverProof("secret", nonces), new Uint8Array(32)]) {
    using stranger = await frameClient(server.port);
    await stranger.send(FRAME.auth, wrong);
    const refused = await stranger.frame();
    assertEquals(refused?.type, FRAME.error);
    assertEquals(await stranger.frame(), undefined);
  }
  using impatient = await frameClient(server.port);
  assertEquals(codeOf(await impatient.get("file")), ERROR_CODE.notAuthenticated);
  await assertRejects(() => impatient.get("file"), Error);
});

Deno.test("what is no frame is refused, the connection with it, and no other", async () => {
  await using server = await tcpFileServer({ "file": "1" });
  using bystander = await frameClient(server.port);
  const header = (length: number, type: number) => {
    const bytes = new Uint8Array(12);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, length);
    view.setUint8(4, type);
    view.setUint32(8, 1);
    return bytes;
  };
  for (
    const bad of [
      header(2 ** 32 - 1, FRAME.get),
      header(0, 99),
      header(100, FRAME.data),
      header(65, FRAME.ping),
    ]
  ) {
    using client = await frameClient(server.port);
    await client.write(bad);
    const refused = await client.frame();
    assertEquals([refused?.type, refused?.request], [FRAME.error, 0]);
    assertEquals(await client.frame(), undefined);
  }
  assertEquals(joined(await bystander.get("file")), new TextEncoder().encode("1"));
});
