import { join } from "@std/path";
import { createHash, randomBytes } from "node:crypto";
import type { Processes, Running } from "./processes.ts";
import { type Outcome, type Stage, tell } from "./stage.ts";

const MESSAGES = 100;
/** Of a message, which has 4096 bytes at most; in hexadecimal, so that none begins with a slash. */
const RANDOM_BYTES = 2_000;

/** Two people talk through a tracker, which is killed between two messages. */
export async function chatScene({ dir, processes }: Stage): Promise<Outcome> {
  const serve = (port: number) =>
    processes.serve(["tracker", "--db", join(dir, "chat.db"), "--port", String(port)]);
  const first = await serve(0);
  const { port } = first;
  const enter = (name: string) => enterChat(processes, { name, url: `http://127.0.0.1:${port}`, dir });
  const [ann, bob] = await Promise.all([enter("ann"), enter("bob")]);
  const messages = Array.from({ length: MESSAGES }, () => randomBytes(RANDOM_BYTES).toString("hex"));
  const before = messages.slice(0, MESSAGES / 2);
  const after = messages.slice(MESSAGES / 2);

  const arrived = await say(before, { from: ann, to: bob });
  tell("tracker chat", `ann said ${before.length} things to bob`);
  await first.end("SIGKILL");
  await Promise.all([ann, bob].map((chat) => trackerIs(chat, { connected: false })));
  await serve(port);
  await Promise.all([ann, bob].map((chat) => trackerIs(chat, { connected: true })));
  tell("tracker", "killed (SIGKILL), started again; both came back");
  const startedMs = performance.now();
  arrived.push(...await say(after, { from: ann, to: bob }));
  const seconds = (performance.now() - startedMs) / 1000;
  tell("tracker chat", `ann said ${after.length} more`);
  await Promise.all([ann, bob].map((chat) => chat.end("SIGKILL")));
  return {
    protocol: "Tracker chat",
    bytes: length(messages),
    resumedBytes: length(after),
    seconds,
    isVerified: digest(arrived) === digest(messages),
    server: ["tracker, page in a browser", `http://localhost:${port}/`],
  };
}

/** Enters the tracker's first channel. */
async function enterChat(
  processes: Processes,
  { name, url, dir }: { readonly name: string; readonly url: string; readonly dir: string },
): Promise<Running> {
  // Nobody can be reached at port 1, so all goes through the tracker.
  const flags = [
    "--tracker",
    url,
    "--name",
    name,
    "--key",
    join(dir, `${name}.pem`),
    "--advertise",
    "127.0.0.1:1",
  ];
  const chat = processes.start(["tracker", "chat", ...flags]);
  await eventOf(chat, "ready");
  return chat;
}

/** Says something and waits until it was heard. @returns What was heard, in order. */
async function say(
  messages: readonly string[],
  { from, to }: { readonly from: Running; readonly to: Running },
): Promise<string[]> {
  const heard: string[] = [];
  await Promise.all([
    (async () => {
      for (const message of messages) {
        await from.type(message);
        const { failed } = await eventOf(from, "sent");
        if (failed !== undefined) throw new Error(`A message was not sent: ${failed}`);
      }
    })(),
    (async () => {
      while (heard.length < messages.length) heard.push(String((await eventOf(to, "message")).text));
    })(),
  ]);
  return heard;
}

/** Waits until a chat says that the tracker is gone, or is back. */
async function trackerIs(chat: Running, { connected }: { readonly connected: boolean }): Promise<void> {
  while ((await eventOf(chat, "tracker")).connected !== connected);
}

/** The next event of a kind; those before it are dropped. */
async function eventOf({ lines, ended }: Running, kind: string): Promise<Readonly<Record<string, unknown>>> {
  for (let next = await lines.read(); !next.done; next = await lines.read()) {
    const event = JSON.parse(next.value);
    if (event.event === kind) return event;
    if (event.event === "error") throw new Error(event.error);
  }
  if (!ended.aborted) {
    await new Promise((resolve) => ended.addEventListener("abort", resolve, { once: true }));
  }
  throw ended.reason;
}

function length(messages: readonly string[]): number {
  return messages.reduce((sum, message) => sum + message.length, 0);
}

function digest(messages: readonly string[]): string {
  return createHash("sha256").update(messages.join("\n")).digest("hex");
}
