import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { LiveLines } from "../../terminal/live_lines.ts";
import { Screen } from "../support/screen.ts";

const SIZE = { columns: 20, rows: 6 };

Deno.test("lines are drawn over those before them, more or fewer", () => {
  const screen = new Screen(SIZE);
  const live = new LiveLines();
  screen.write("$ transfer upload\n");
  for (const lines of [["one", "two", "total"], ["a longer one", "total"], ["1", "2", "3", "4"], ["end"]]) {
    screen.write(live.draw(lines));
    assertEquals(screen.text, ["$ transfer upload", ...lines].join("\n"));
  }
  screen.write(live.clear());
  assertEquals(screen.text, "$ transfer upload\n");
  screen.write(live.clear());
  assertEquals(screen.text, "$ transfer upload\n");
});

Deno.test("a line that is wider than the terminal is cut off, and moves none of the others", () => {
  const screen = new Screen(SIZE);
  const live = new LiveLines();
  for (let i = 0; i < 3; i++) screen.write(live.draw(["x".repeat(50), "total"]));
  // Clearing the rest of a full line takes its last character, as the cursor stays on that.
  assertEquals(screen.text, `${"x".repeat(19)}\ntotal`);
  screen.write(`${live.clear()}${"y".repeat(21)}`);
  assertEquals(screen.text, `${"y".repeat(20)}\ny`);
});

Deno.test("a frame is one text that clears nothing before it is overwritten", () => {
  const live = new LiveLines();
  live.draw(["one", "two"]);
  const before = live.draw(["1", "2"]).split("1")[0] ?? "";
  assertEquals(before.includes("\x1b[K") || before.includes("\x1b[J"), false);
});

const step = fc.oneof(
  fc.record({ draw: fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { maxLength: SIZE.rows - 1 }) }),
  fc.record({ above: fc.stringMatching(/^[A-Z]{1,15}$/) }),
);

Deno.test("whatever is drawn and written above, nothing is lost and nothing is left behind", () => {
  fc.assert(fc.property(fc.array(step), (steps) => {
    const screen = new Screen(SIZE);
    const live = new LiveLines();
    const above: string[] = [];
    let lines: readonly string[] = [];
    for (const each of steps) {
      if ("above" in each) {
        above.push(each.above);
        screen.write(`${live.clear()}${each.above}\n${live.draw(lines)}`);
      } else screen.write(live.draw(lines = each.draw));
      const shown = lines.length === 0 ? [""] : lines.map((line) => line.slice(0, 19));
      assertEquals(screen.text, [...above, ...shown].join("\n"));
    }
    screen.write(live.clear());
    assertEquals(screen.text, [...above, ""].join("\n"));
  }));
});

const resized = fc.oneof(step, fc.record({ columns: fc.integer({ min: 10, max: 60 }) }));

for (const wraps of [true, false]) {
  Deno.test(`a terminal that is resized and ${wraps ? "wraps" : "cuts off"} what is on it shows the same again`, () => {
    fc.assert(fc.property(fc.array(resized, { maxLength: 30 }), (steps) => {
      // So high that what is wrapped does not push the first line out of it.
      const screen = new Screen({ columns: 60, rows: 60 });
      const live = new LiveLines();
      const above: string[] = [];
      let columns = 60;
      let lines: readonly string[] = [];
      for (const each of steps) {
        if ("columns" in each) screen.resize(columns = each.columns, { wraps });
        else if ("above" in each) {
          const text = each.above.slice(0, 10);
          above.push(text);
          screen.write(`${live.clear()}${text}\n`);
        } else lines = each.draw;
        const shown = lines.map((line) => line.slice(0, columns - 1));
        screen.write(live.draw(shown));
        assertEquals(screen.text, [...above, ...shown.length === 0 ? [""] : shown].join("\n"));
      }
    }));
  });
}
