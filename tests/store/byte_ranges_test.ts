import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { ByteRanges } from "../../store/byte_ranges.ts";

const END = 30;
const range = fc.record({ from: fc.nat(END), to: fc.nat(END) });

Deno.test("ranges hold what a set of bytes would, in as few pieces as possible", () => {
  const step = fc.record({ isAdd: fc.boolean(), range });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), range, (steps, asked) => {
      const ranges = new ByteRanges();
      const bytes = new Set<number>();
      for (const { isAdd, range } of steps) {
        const before = bytes.size;
        for (let at = range.from; at < range.to; at++) isAdd ? bytes.add(at) : bytes.delete(at);
        if (isAdd) assertEquals(ranges.add(range), bytes.size - before);
        else ranges.remove(range);
      }
      assertEquals([...ranges], pieces((at) => bytes.has(at)));
      assertEquals(ranges.bytes, bytes.size);
      const isAsked = (at: number) => at >= asked.from && at < asked.to;
      assertEquals(ranges.gaps(asked), pieces((at) => isAsked(at) && !bytes.has(at)));
      assertEquals(ranges.covers(asked), pieces((at) => isAsked(at) && !bytes.has(at)).length === 0);
    }),
    { numRuns: 2000 },
  );
});

function pieces(isIn: (at: number) => boolean): { from: number; to: number }[] {
  const found: { from: number; to: number }[] = [];
  for (let at = 0; at <= END; at++) {
    const last = found.at(-1);
    if (!isIn(at)) continue;
    if (last?.to === at) last.to++;
    else found.push({ from: at, to: at + 1 });
  }
  return found;
}
