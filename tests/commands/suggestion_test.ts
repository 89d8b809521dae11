import { assertEquals } from "@std/assert";
import { suggestion } from "../../commands/suggestion.ts";

const NAMES = [
  "ws-serve",
  "upload",
  "fetch-ranges",
  "tcp-serve",
  "tcp-get",
  "udp-serve",
  "udp-get",
  "tracker",
];
const CASES: readonly (readonly [string, string | undefined])[] = [
  ["uplaod", "upload"],
  ["uploads", "upload"],
  ["upolda", "upload"],
  ["tcp_get", "tcp-get"],
  ["tracer", "tracker"],
  ["fetch", "fetch-ranges"],
  ["f", "fetch-ranges"],
  ["fetchrange", "fetch-ranges"],
  ["trakr", "tracker"],
  ["tcp", undefined],
  ["xy", undefined],
  ["fly", undefined],
  ["download", undefined],
  ["", undefined],
];

for (const [word, expected] of CASES) {
  Deno.test(`${JSON.stringify(word)} was meant to be ${expected ?? "nothing that there is"}`, () => {
    assertEquals(suggestion(word, NAMES), expected);
  });
}
