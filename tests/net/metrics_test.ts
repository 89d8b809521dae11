import { assertEquals, assertThrows } from "@std/assert";
import { Registry } from "../../net/metrics.ts";

Deno.test("metrics are rendered with help, type and one sample a line", () => {
  const registry = new Registry();
  const received = registry.counter({ name: "received_bytes_total", help: "Bytes received." });
  const free = registry.gauge({ name: "free_bytes", help: "Bytes free." });
  received.increment();
  received.increment(2.5);
  free.set(10);
  free.add(-12);
  assertEquals(
    registry.render(),
    `# HELP received_bytes_total Bytes received.
# TYPE received_bytes_total counter
received_bytes_total 3.5
# HELP free_bytes Bytes free.
# TYPE free_bytes gauge
free_bytes -2
`,
  );
});

Deno.test("what would break a line is escaped, and infinities are written as Prometheus reads them", () => {
  const registry = new Registry();
  const bytes = registry.gauges({
    name: "bytes",
    help: 'C:\\temp and a\nsecond line, "quoted"',
    label: "path",
    values: ['a"b\\c\nd', "high", "low", "unknown"],
  });
  bytes('a"b\\c\nd').set(1);
  bytes("high").set(Infinity);
  bytes("low").set(-Infinity);
  bytes("unknown").set(NaN);
  assertEquals(
    registry.render(),
    `# HELP bytes C:\\\\temp and a\\nsecond line, "quoted"
# TYPE bytes gauge
bytes{path="a\\"b\\\\c\\nd"} 1
bytes{path="high"} +Inf
bytes{path="low"} -Inf
bytes{path="unknown"} NaN
`,
  );
});

Deno.test("a histogram's buckets are cumulative and hold their bound", () => {
  const registry = new Registry();
  const seconds = registry.histogram({ name: "wait_seconds", help: "Waits.", bounds: [0.5, 1] });
  for (const value of [0.25, 0.5, 0.75, 4]) seconds.observe(value);
  assertEquals(
    registry.render(),
    `# HELP wait_seconds Waits.
# TYPE wait_seconds histogram
wait_seconds_bucket{le="0.5"} 2
wait_seconds_bucket{le="1"} 3
wait_seconds_bucket{le="+Inf"} 4
wait_seconds_sum 5.5
wait_seconds_count 4
`,
  );
});

Deno.test("names are valid and used once, counters only grow, labels have the values announced", () => {
  const registry = new Registry();
  const hits = registry.counters({ name: "hits_total", help: "Hits.", label: "by", values: ["a", "b"] });
  assertThrows(() => registry.gauge({ name: "hits_total", help: "Again." }), RangeError, "taken");
  assertThrows(() => registry.gauge({ name: "hits-total", help: "A dash." }), RangeError, "not a name");
  assertThrows(() => hits("a").increment(-1), RangeError, "can't grow by -1");
  assertThrows(() => hits("a").increment(NaN), RangeError);
  hits("b").increment(2);
  assertEquals(registry.render().split("\n").slice(2, 4), ['hits_total{by="a"} 0', 'hits_total{by="b"} 2']);
});
