import { assert, assertEquals, assertMatch } from "@std/assert";
import { getLogger } from "@logtape/logtape";
import { join } from "@std/path";
import { AccessLog, combinedLine, jsonLine } from "../../commands/access_log.ts";
import type { RequestEvent } from "../../protocols/proxy/proxy_context.ts";
import { tempDir } from "../support/temp_dir.ts";

const EVENT: RequestEvent = {
  type: "request",
  address: "10.0.0.1",
  method: "GET",
  target: '/a"\\\x9b\x85',
  host: "site.test",
  minor: 1,
  userAgent: "\x1b[31m\u202e",
  referer: "",
  status: 200,
  bytes: 12,
  ms: 1.25,
  upstream: undefined,
  attempts: 2,
  isCut: true,
};
const NOW = new Date("2026-01-02T03:04:05.006Z");

Deno.test("a line of the access log stays one, whatever a client sends", () => {
  assertEquals(
    combinedLine(EVENT, NOW),
    '10.0.0.1 - - [02/Jan/2026:03:04:05 +0000] "GET /a\\"\\\\\\u{9b}\\u{85} HTTP/1.1" 200 12 "-" "\\u{1b}[31m\\u{202e}" ' +
      'host="site.test" upstream=- attempts=2 ms=1.3 cut',
  );
  const line = jsonLine(EVENT, NOW);
  assert(!/[^\x20-\x7e]/.test(line), line);
  const { time, target, userAgent, isCut } = JSON.parse(line);
  assertEquals([time, target, userAgent, isCut], [NOW.toISOString(), EVENT.target, EVENT.userAgent, true]);
});

Deno.test("lines go behind those that are there, in order, and after a rename to a new file", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "access.log");
  await Deno.writeTextFile(path, "before\n");
  {
    await using log = await AccessLog.open({ path, format: "json", log: getLogger(["test"]) });
    for (let status = 200; status < 1000; status++) log.note({ ...EVENT, status });
    await Deno.rename(path, `${path}.1`);
    await log.reopen();
    log.note({ ...EVENT, status: 1000 });
    // What can't be opened leaves the one in use.
    await Deno.rename(path, `${path}.2`);
    await Deno.mkdir(path);
    await log.reopen();
    log.note({ ...EVENT, status: 1001 });
  }
  const [first, ...lines] = (await Deno.readTextFile(`${path}.1`)).trim().split("\n");
  assertEquals(first, "before");
  assertEquals(
    lines.map((line) => JSON.parse(line).status),
    Array.from({ length: 800 }, (_, at) => 200 + at),
  );
  assertMatch(await Deno.readTextFile(`${path}.2`), /"status":1000.*\n.*"status":1001/);
});
