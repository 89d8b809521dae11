import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { BLOCK_BYTES, blockCount, piecesOf } from "../../../protocols/tcp_file/blocks.ts";
import { digestOf, rootOf } from "../../../protocols/tcp_file/digests.ts";
import { sha256 } from "../../support/bytes.ts";

Deno.test("pieces of a range are what of it is in the file, cut where blocks begin", () => {
  const at = fc.oneof(fc.nat(4 * BLOCK_BYTES), fc.nat(4).map((blocks) => blocks * BLOCK_BYTES));
  fc.assert(
    fc.property(at, at, at, (offset, length, size) => {
      const pieces = [...piecesOf({ offset, length }, size)];
      const from = Math.min(offset, size);
      let next = from;
      pieces.forEach((piece, i) => {
        assertEquals(piece.offset, next);
        assert(piece.length > 0 || pieces.length === 1);
        if (i > 0) assertEquals(piece.offset % BLOCK_BYTES, 0);
        next += piece.length;
        assert(piece.length === 0 || blockCount(next) === Math.floor(piece.offset / BLOCK_BYTES) + 1);
      });
      assertEquals(next, Math.max(from, Math.min(offset + length, size)));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("a range that is empty or behind the end has one empty piece", () => {
  const empty = (offset: number) => [{ offset, length: 0 }];
  assertEquals([...piecesOf({ offset: 0, length: 10 }, 0)], empty(0));
  assertEquals([...piecesOf({ offset: 5, length: 0 }, 10)], empty(5));
  const all = Number.MAX_SAFE_INTEGER;
  assertEquals([...piecesOf({ offset: all, length: all }, 10)], empty(10));
});

Deno.test("a root is the digest of the digests of blocks, and that of nothing for an empty file", () => {
  const [one, two] = [Uint8Array.of(1), Uint8Array.of(2)];
  const digests = Uint8Array.fromHex(sha256(one) + sha256(two));
  assertEquals(rootOf([digestOf(one), digestOf(two)]), sha256(digests));
  assertEquals(rootOf([]), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});
