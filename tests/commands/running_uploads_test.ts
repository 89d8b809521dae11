import { assertEquals } from "@std/assert";
import { type RunningUpload, RunningUploads } from "../../commands/running_uploads.ts";

/** An upload of 100 bytes that has sent 30 of the 40 acknowledged, and the wishes that came to it. */
function sample(): { readonly running: RunningUpload; readonly wishes: string[] } {
  const wishes: string[] = [];
  const upload = {
    state: { kind: "paused" },
    acknowledged: 40,
    durable: 0,
    wish: (wish) => void wishes.push(wish),
    ended: Promise.resolve(),
  } satisfies RunningUpload["upload"];
  const progress = () => ({ name: "a", done: 40, total: 100, bytesPerSecond: 0 });
  return { running: { upload, bytes: 100, sentBytes: 30, progress }, wishes };
}

Deno.test("a wish comes to all that run, and no longer to those that ended", () => {
  const uploads = new RunningUploads();
  const [one, two] = [sample(), sample()];
  const first = uploads.add(one.running);
  using _second = uploads.add(two.running);
  uploads.wish("pause");
  first[Symbol.dispose]();
  uploads.wish("run");
  assertEquals([one.wishes, two.wishes], [["pause"], ["pause", "run"]]);
});

Deno.test("a pause and an end also concern an upload that begins after them; a stop does not", () => {
  for (const [wish, expected] of [["pause", ["pause"]], ["quit", ["quit"]], ["stop", []]] as const) {
    const uploads = new RunningUploads();
    uploads.wish(wish);
    const { running, wishes } = sample();
    using _ = uploads.add(running);
    assertEquals(wishes, [...expected]);
  }
});

Deno.test("none may start in a pause, until it is over", async () => {
  for (const [wish, expected] of [["run", true], ["stop", true], ["quit", false]] as const) {
    const uploads = new RunningUploads();
    assertEquals(await uploads.mayStart(), true);
    uploads.wish("pause");
    let answer: boolean | undefined;
    const asked = uploads.mayStart().then((may) => answer = may);
    await Promise.resolve();
    assertEquals([answer, uploads.isPaused], [undefined, true]);
    uploads.wish(wish);
    await asked;
    assertEquals([answer, uploads.isPaused], [expected, false]);
  }
});

Deno.test("a file that ended counts whole, one that runs as far as it is", () => {
  const uploads = new RunningUploads();
  uploads.add(sample().running)[Symbol.dispose]();
  using _ = uploads.add(sample().running);
  assertEquals([uploads.doneBytes, uploads.sentBytes, uploads.all.length], [140, 60, 1]);
});
