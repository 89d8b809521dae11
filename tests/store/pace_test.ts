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
  // Of four, three are done.
  assertEquals(await ways(pace, ["x"]), ["x in a thread"]);
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

/** Runs calls of these durations, in milliseconds; what a thread would do takes none. @returns How each was done. */
async function run(pace: Pace, clock: { nowMs: number }, durations: readonly number[]): Promise<string> {
  let done = "";
  for (const ms of durations) {
    const wasQuick = pace.isQuick;
    const way = await pace.run(() => {
      clock.nowMs += ms;
      return "now";
    }, () => Promise.resolve("thread"));
    assertEquals(wasQuick, way === "now");
    done += way === "now" ? "." : "t";
  }
  return done;
}

const calls = (count: number, ms: number) => new Array<number>(count).fill(ms);

Deno.test("calls are done at once as long as they are quick, and a slow one leaves a few to threads", async () => {
  const clock = { nowMs: 0 };
  const pace = new Pace(() => clock.nowMs);
  assertEquals(await run(pace, clock, [...calls(3, 4), 4.1, ...calls(8, 1)]), "....tttt....");
  assertEquals(await run(pace, clock, [5, ...calls(6, 1)]), ".tttt..");
});

Deno.test("while each that is tried again is slow, ever more are left to threads", async () => {
  const clock = { nowMs: 0 };
  const pace = new Pace(() => clock.nowMs);
  const t = (count: number) => "t".repeat(count);
  const expected = `.${t(4)}.${t(16)}.${t(64)}.${t(64)}.`;
  assertEquals(await run(pace, clock, calls(expected.length, 5)), expected);
  // A quick one ends that.
  assertEquals(await run(pace, clock, [...calls(64, 1), 1, 5, ...calls(5, 1)]), `${t(64)}..${t(4)}.`);
});

Deno.test("a call that fails slowly is a slow one, and its error is told", async () => {
  const clock = { nowMs: 0 };
  const pace = new Pace(() => clock.nowMs);
  const failing = () => {
    clock.nowMs += 10;
    throw new Error("full");
  };
  await assertRejects(() => pace.run(failing, () => Promise.resolve()), Error, "full");
  assertEquals(pace.isQuick, false);
});
