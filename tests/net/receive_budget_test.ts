import { assertEquals } from "@std/assert";
import { ReceiveBudget } from "../../net/receive_budget.ts";

Deno.test("a budget is spent at its limit, and whoever waits goes on once half of it is free", () => {
  const budget = new ReceiveBudget(100);
  const woken: string[] = [];
  budget.take(99);
  assertEquals(budget.isSpent, false);
  budget.take(21);
  assertEquals([budget.isSpent, budget.heldBytes], [true, 120]);
  budget.wait(() => woken.push("one"));
  budget.wait(() => woken.push("two"));
  budget.give(69);
  assertEquals([budget.isSpent, woken.length], [false, 0]);
  budget.give(1);
  assertEquals(woken, ["one", "two"]);
  budget.give(50);
  assertEquals([budget.heldBytes, woken.length], [0, 2]);
});

Deno.test("who is gone is not woken, and who waits twice is woken once", () => {
  const budget = new ReceiveBudget(10);
  const woken: string[] = [];
  const [gone, there] = ["gone", "there"].map((name) => () => void woken.push(name));
  if (gone === undefined || there === undefined) throw new TypeError("two");
  budget.take(10);
  for (const goOn of [gone, there, there]) budget.wait(goOn);
  budget.forget(gone);
  budget.give(10);
  assertEquals(woken, ["there"]);
});

Deno.test("who finds it spent again by those woken before goes on waiting, and is not forgotten", () => {
  const budget = new ReceiveBudget(10);
  const served: number[] = [];
  const readOn = (id: number) => () => {
    if (budget.isSpent) return budget.wait(readOn(id));
    budget.take(10);
    served.push(id);
  };
  budget.take(10);
  for (const id of [1, 2, 3]) budget.wait(readOn(id));
  for (let round = 1; round <= 3; round++) {
    budget.give(10);
    assertEquals(served.length, round);
  }
  assertEquals(served.sort(), [1, 2, 3]);
});
