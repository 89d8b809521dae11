import { assertEquals } from "@std/assert";
import { retryAfterMs } from "../../../protocols/http_ranges/retry_after.ts";

Deno.test("Retry-After is seconds, or a date by the server's clock", () => {
  const nowMs = Date.parse("Sat, 21 Nov 2026 12:00:00 GMT");
  const wait = (retryAfter: string | null, date?: string) => retryAfterMs({ retryAfter, date, nowMs });
  assertEquals(wait("120"), 120_000);
  assertEquals(wait(" 0 "), 0);
  assertEquals(wait("Sat, 21 Nov 2026 12:00:30 GMT"), 30_000);
  assertEquals(wait("Sat, 21 Nov 2026 11:00:30 GMT", "Sat, 21 Nov 2026 11:00:00 GMT"), 30_000);
  assertEquals(wait("Saturday, 21-Nov-26 12:00:30 GMT"), 30_000);
  assertEquals(wait("Sat, 21 Nov 2026 11:00:00 GMT"), 0);
  assertEquals(wait("999999999"), 3_600_000);
  for (const nothing of ["soon", "-5", "1.5", "", null]) {
    assertEquals(wait(nothing), undefined, String(nothing));
  }
});
