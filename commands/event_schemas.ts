/**
 * What `--json` prints, of all commands: `deno run commands/event_schemas.ts` writes docs/events.schema.json. Only
 * types are imported from here when a command runs.
 */

import { z } from "zod";
import type { ChatEvent } from "../protocols/tracker/peer_chat_events.ts";
import { printResult } from "../terminal/output.ts";

const file = z.string().describe(
  "What was asked for: a path, a name on the server, a URL, - for standard input",
);
const path = z.string().describe("Absolute path of the result, on the machine that has it");
const bytes = z.int().min(0).describe("Bytes of the file; in a summary of all files that were transferred");
const transferredBytes = z.int().min(0)
  .describe("Bytes that this run moved; fewer than bytes when it went on with an earlier one");
const seconds = z.number().min(0).describe("How long it took");
const hex = z.string().regex(/^[0-9a-f]{64}$/);

/** A file is where it should be, whole. */
const done = z.strictObject({
  event: z.literal("done"),
  file,
  path,
  bytes,
  transferredBytes,
  seconds: z.exactOptional(seconds.describe("How long it took; not told of small files that came together")),
  sha256: z.exactOptional(hex.describe("SHA-256 that both sides agree upon, or that was computed here")),
  root: z.exactOptional(
    hex.describe("Root of the blocks' SHA-256, that both sides agree upon: large files over TCP"),
  ),
}).describe("A file is where it should be, whole");

/** A file was there already. */
const there = z.strictObject({ event: z.literal("there"), file, path, bytes })
  .describe("A file was there already, with the same size and time");

/** A file was broken off, and the same command goes on with it. */
const interrupted = z.strictObject({
  event: z.literal("interrupted"),
  file,
  keptBytes: z.int().min(0).describe("Bytes that are there, where the same command goes on"),
}).describe("A file was broken off, and the same command goes on with it");

/** The person stopped a file. */
const stopped = z.strictObject({ event: z.literal("stopped"), file })
  .describe("An upload was stopped by the person, and the server has deleted its part");

/** A file could not be transferred. */
const failed = z.strictObject({
  event: z.literal("failed"),
  file,
  error: z.string().describe("Why, in words"),
  corrupt: z.exactOptional(z.literal(true).describe("What arrived is not what was sent, or asked for")),
}).describe("A file could not be transferred");

/** What became of all files. */
const summary = z.strictObject({
  event: z.literal("summary"),
  files: z.int().min(0).describe("Files that were transferred"),
  bytes,
  transferredBytes,
  seconds,
  there: z.int().min(0).describe("Files that were there already"),
  failed: z.int().min(0).describe("Files that failed"),
  stopped: z.int().min(0).describe("Files that the person stopped"),
  interrupted: z.boolean().describe("Whether the run was ended before all files had their turn"),
}).describe("The last event of a run that transfers files");

/** One thing that a server offers. */
const entry = z.strictObject({
  event: z.literal("entry"),
  file: z.string().describe("Its name on the server"),
  type: z.enum(["file", "directory"]),
  bytes: z.exactOptional(z.int().min(0).describe("Bytes of the file")),
  size: z.exactOptional(z.string().describe("As a plain server writes it, which may have rounded it")),
  time: z.exactOptional(z.iso.datetime().describe("Of the last change")),
}).describe("One thing that a server offers: --list");

/** What holds for one flag of a command. */
const setting = z.strictObject({
  event: z.literal("setting"),
  command: z.string(),
  key: z.string().describe("The flag's name in camel case, as in a settings file"),
  value: z.exactOptional(
    z.union([z.string(), z.array(z.string()).readonly()])
      .describe("As it would be typed; not there when it is not set, or a secret"),
  ),
  secret: z.exactOptional(z.literal(true).describe("Its value is not shown")),
  source: z.enum(["flag", "environment", "file", "default", "none"]),
  from: z.exactOptional(z.string().describe("The flag, the variable, or the place in the file")),
  path: z.exactOptional(z.string().describe("Absolute path of the settings file that it comes from")),
  error: z.exactOptional(z.string().describe("Why the command would refuse it")),
}).describe("What holds for one flag of a command, and who has set it: config");

const peer = z.string().describe("Name of a peer");
const channel = z.string();
const ts = z.number().describe("Milliseconds since 1970");
const via = z.enum(["direct", "tracker"]).describe("How it came");
const said = { event: z.literal("message"), from: peer, text: z.string(), ts, via };
const past = z.exactOptional(z.literal(true).describe("It was said before we came"));
const sent = {
  event: z.literal("sent"),
  id: z.string(),
  text: z.string(),
  ts,
  direct: z.array(peer).readonly().describe("Peers that have it, sent to them directly"),
  tracker: z.boolean().describe("Whether the tracker has it, for all others"),
  failed: z.exactOptional(z.string().describe("Why others did not get it")),
};
const member = z.strictObject({ peer, online: z.boolean(), direct: z.boolean() });

const CHAT = [
  z.strictObject({ event: z.literal("ready"), peer, channel, address: z.string() })
    .describe("Others can reach us, and the first channel is joined"),
  z.strictObject({ ...said, channel, past }).describe("Somebody said something in a channel"),
  z.strictObject({ ...said, to: peer, past }).describe("Somebody said something to one peer"),
  z.strictObject({ ...sent, channel }).describe("We said something in a channel"),
  z.strictObject({ ...sent, to: peer }).describe("We said something to one peer"),
  z.strictObject({ event: z.literal("joined"), channel }).describe("We entered a channel"),
  z.strictObject({ event: z.literal("member"), channel, peer, joined: z.boolean() })
    .describe("A peer entered a channel, or left it"),
  z.strictObject({ event: z.literal("who"), channel, members: z.array(member).readonly() }).describe(
    "Who is in a channel",
  ),
  z.strictObject({ event: z.literal("refused"), address: z.string(), reason: z.string() })
    .describe("Somebody connected to us and was not let in"),
  z.strictObject({ event: z.literal("tracker"), connected: z.boolean(), reason: z.exactOptional(z.string()) })
    .describe("The tracker can't be reached, or can again"),
  z.strictObject({ event: z.literal("gap") })
    .describe("More was said while we were away than the tracker has kept"),
  z.strictObject({ event: z.literal("error"), error: z.string() }).describe(
    "What was typed could not be done",
  ),
] as const;

/** A chat's event. It is what the chat tells, which `events_test.ts` holds both ways. */
export const chatEvent = z.union(CHAT) satisfies z.ZodType<ChatEvent>;

/** How one file ended. */
const fileEnd = z.union([done, there, interrupted, stopped, failed]);

/** All events. */
const event = z.union([...fileEnd.options, summary, entry, setting, ...CHAT]);

export type DoneEvent = z.infer<typeof done>;
export type FileEndEvent = z.infer<typeof fileEnd>;
export type FailedEvent = z.infer<typeof failed>;
export type SummaryEvent = z.infer<typeof summary>;
export type EntryEvent = z.infer<typeof entry>;
export type SettingEvent = z.infer<typeof setting>;

/** The JSON Schema of one line of `--json`. */
export function eventsSchema(): Readonly<Record<string, unknown>> {
  return { title: "A line of --json of transfer", ...z.toJSONSchema(event) };
}

if (import.meta.main) printResult(JSON.stringify(eventsSchema(), undefined, 2));
