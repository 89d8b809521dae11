import { assertEquals, assertRejects } from "@std/assert";
import { setImmediate } from "node:timers";
import { Pace } from "../../store/pace.ts";

/** What waits for a slow disk. */
function slow(): void {
  const untilMs = performance.now() + 6;
  while (performance.now() < untilMs);
}

/** Does something with each of some items, and tells in which way. */
async function ways(
  pace: Pace,
  items: readonly string[],
  act: (item: string) => void = () => {},
): Promise<string[]> {
  const done: string[] = [];
  await pace.each(items, {
    atOnce(item) {
      act(item);
      done.push(`${item} at once`);
    },
    async inThread(item) {
      // What fails does so before the others are through.
      if (item !== "bad") await new Promise<void>((resolve) => void setImmediate(resolve));
      act(item);
      done.push(`${item} in a thread`);
    },
  });
  return done;
}

Deno.test("after a slow call the next ones are left to threads, one by one and many at a time", async () => {
  const pace = new Pace();
  assertEquals(await ways(pace, ["a", "b"], slow), ["a at once", "b in a thread"]);
  assertEquals(await ways(pace, ["d"]), ["d in a thread"]);
  assertEquals(await pace.run(() => "at once", () => Promise.resolve("in a thread")), "in a thread");
  // Of 64, three are done.
  await ways(pace, Array.from({ length: 61 }, () => "x"));
  assertEquals(await ways(pace, ["e"]), ["e at once"]);
  await pace.run(slow, () => Promise.resolve());
  assertEquals(await ways(pace, ["f"]), ["f in a thread"]);
});

for (const isSlow of [false, true]) {
  Deno.test(`what fails is told, after what is under way, ${isSlow ? "in a thread" : "at once"}`, async () => {
    const pace = new Pace();
    if (isSlow) await pace.run(slow, () => Promise.resolve());
    const done: string[] = [];
    await assertRejects(
      () =>
        ways(pace, ["bad", "c"], (item) => {
          if (item === "bad") throw new TypeError(item);
          done.push(item);
        }),
      TypeError,
      "bad",
    );
    assertEquals(done, isSlow ? ["c"] : []);
  });
}
