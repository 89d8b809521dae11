import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { z } from "zod";
import { COMMANDS, loadAll } from "../../commands/command_table.ts";
import { type chatEvent, eventsSchema } from "../../commands/event_schemas.ts";
import type { ChatEvent } from "../../protocols/tracker/peer_chat_events.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { startChat } from "../support/chat_process.ts";
import { mistakes, type Schema } from "../support/json_schema.ts";
import { plainTcpServer } from "../support/plain_tcp_server.ts";
import {
  finished,
  ROOT,
  startServer,
  startTcpServer,
  startTracker,
  startTransfer,
  startUdpServer,
  transfer,
} from "../support/program.ts";
import { rangeServer } from "../support/range_server.ts";
import { tempDir } from "../support/temp_dir.ts";

const LARGE = pseudoRandomBytes(5_000_000);
const SMALL = pseudoRandomBytes(1000, 2);
const SCHEMA: Schema = JSON.parse(await Deno.readTextFile(join(ROOT, "docs", "events.schema.json")));

/** Compiles only when the schema has all that a chat tells; that it has no more, the schema itself says. */
const _told = (event: ChatEvent): z.infer<typeof chatEvent> => event;

/** Runs a command that prints events, and returns them; an end by `stop` is at the first sign of a transfer. */
async function eventsOf(
  args: readonly string[],
  { cwd, stop = false }: { readonly cwd: string; readonly stop?: boolean },
): Promise<unknown[]> {
  if (!stop) return linesOf((await transfer([...args, "--json"], { cwd })).stdout);
  const child = startTransfer([...args, "--json"], { cwd });
  using watcher = Deno.watchFs(cwd);
  for await (const { paths } of watcher) if (paths.some((path) => path.endsWith(".part"))) break;
  child.kill("SIGINT");
  return linesOf((await finished(child)).stdout);
}

function linesOf(stdout: string): unknown[] {
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** What has each command that prints events print some, by its name. */
const EXERCISES: Readonly<Record<string, (dir: string) => Promise<unknown[]>>> = {
  async "upload"(dir) {
    await using server = await startServer(join(dir, "uploads"));
    await Deno.writeFile(join(dir, "film\u202e.mkv"), SMALL);
    await Deno.writeFile(join(dir, "b"), SMALL);
    const ws = ["--ws", server.ws];
    return [
      ...await eventsOf(["upload", "film\u202e.mkv", ...ws], { cwd: dir }),
      ...await eventsOf(["upload", "b", "film\u202e.mkv", "none", ...ws], { cwd: dir }),
    ];
  },
  async "fetch-ranges"(dir) {
    await using server = await rangeServer(LARGE);
    const args = ["fetch-ranges", `${server.origin}/data.bin`];
    const digest = `sha-256=${"0".repeat(64)}`;
    return [
      ...await eventsOf([...args, "--max-rate", "500K"], { cwd: dir, stop: true }),
      ...await eventsOf(args, { cwd: dir }),
      ...await eventsOf([...args, "--checksum", digest], { cwd: dir }),
      ...await eventsOf([...args, "http://127.0.0.1:1/", "--retries", "0"], { cwd: dir }),
    ];
  },
  async "tcp-get"(dir) {
    await using plain = plainTcpServer({ "plain.txt": SMALL });
    const address = `127.0.0.1:${plain.port}`;
    return [
      ...await fetched("tcp-get", startTcpServer, dir),
      ...await eventsOf(["tcp-get", address, "--list"], { cwd: dir }),
      ...await eventsOf(["tcp-get", address, "plain.txt"], { cwd: dir }),
    ];
  },
  "udp-get": (dir) => fetched("udp-get", startUdpServer, dir),
  async "tracker chat"(dir) {
    await using tracker = await startTracker(join(dir, "chat.db"));
    const flags = (name: string) => [
      ...["--tracker", `http://127.0.0.1:${tracker.port}`, "--name", name],
      ...["--key", join(dir, `${name}.pem`), "--json"],
    ];
    await using bob = startChat(flags("bob"));
    const events: unknown[] = [await bob.until("ready")];
    await using ann = startChat(flags("ann"));
    events.push(await ann.until("ready"), await bob.until("member"));
    await ann.type("/msg bob hello");
    events.push(await ann.until("sent"), await bob.until("message"));
    await bob.type("hello all");
    events.push(await bob.until("sent"), await ann.until("message"));
    await ann.type("/who\n/nonsense\n/join others");
    events.push(await ann.until("who"), await ann.until("error"), await ann.until("joined"));
    return events;
  },
  async "config"(dir) {
    await Deno.writeTextFile(join(dir, "transfer.json"), '{ "maxThreads": 2, "upload": { "chunk": "x" } }');
    const flags = ["--", "--user", "me:hush", "--mirror", "http://a", "--mirror", "http://b"];
    // `--json` has to come before what is not config's own.
    const own = linesOf(
      (await transfer(["config", "fetch-ranges", "--json", ...flags], { cwd: dir })).stdout,
    );
    return [...await eventsOf(["config"], { cwd: dir }), ...own];
  },
};

async function fetched(
  command: string,
  start: typeof startTcpServer,
  dir: string,
): Promise<unknown[]> {
  const served = join(dir, "served");
  const cwd = join(dir, "here");
  await Deno.mkdir(join(served, "photos"), { recursive: true });
  await Deno.mkdir(join(cwd, "data"), { recursive: true });
  await Deno.writeFile(join(served, "film.mkv"), LARGE);
  for (const name of ["one", "two"]) await Deno.writeFile(join(served, "photos", name), SMALL);
  const events: unknown[] = [];
  {
    await using slow = await start(served, { flags: ["--max-rate", "1M"] });
    const args = [command, `127.0.0.1:${slow.port}`, "film.mkv", "--out", "."];
    events.push(...await eventsOf(args, { cwd: join(cwd, "data"), stop: true }));
  }
  await using server = await start(served);
  const address = `127.0.0.1:${server.port}`;
  for (const args of [["--list"], ["film.mkv", "none"], ["--all"]]) {
    events.push(...await eventsOf([command, address, ...args], { cwd }));
  }
  return events;
}

const seen = new Set<string>();

for (const [name, exercise] of Object.entries(EXERCISES)) {
  Deno.test(`each line of --json of ${name} is one of the schema`, async () => {
    await using dir = await tempDir();
    const events = await exercise(dir.path);
    assert(events.length > 3);
    for (const event of events) {
      assertEquals(mistakesOf(event), [], JSON.stringify(event));
      if (typeof event === "object" && event !== null && "event" in event) seen.add(String(event.event));
    }
  });
}

/** What is wrong with an event, by the schemas of its kind; those of other kinds are no help. */
function mistakesOf(event: unknown): string[] {
  const wrong = mistakes(event, SCHEMA);
  const own = wrong.filter((mistake) => !mistake.startsWith("$.event:"));
  return wrong.length === 0 ? [] : own;
}

Deno.test("no command with --json was forgotten, and hardly a kind of event", async () => {
  const commands = await loadAll(COMMANDS);
  const names = commands.filter(({ flags }) => "json" in flags).map(({ name }) => name);
  assertEquals(Object.keys(EXERCISES).toSorted(), names.toSorted());
  const kinds = JSON.stringify(SCHEMA).matchAll(/"event":\{"type":"string","const":"([a-z]+)"/g);
  const unseen = new Set([...kinds].map(([, kind = ""]) => kind)).difference(seen);
  // A key pressed, a peer that lies, a tracker that is gone: their own tests see these.
  assertEquals([...unseen].toSorted(), ["gap", "refused", "stopped", "tracker"]);
});

Deno.test("the schema in the tree is that of the code: deno run commands/event_schemas.ts", () => {
  assertEquals(SCHEMA, JSON.parse(JSON.stringify(eventsSchema())));
});

Deno.test("the schema refuses what is no event", () => {
  const done = { event: "done", file: "a", path: "/a", bytes: 1, transferredBytes: 1 };
  assertEquals(mistakesOf(done), []);
  for (
    const wrong of [{ ...done, url: "a" }, { ...done, bytes: "1" }, { ...done, bytes: -1 }, { event: "end" }]
  ) {
    assert(mistakes(wrong, SCHEMA).length > 0, JSON.stringify(wrong));
  }
});
