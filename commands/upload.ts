import { basename } from "@std/path";
import type { Wish } from "../protocols/ws_upload/sender_state.ts";
import { listenForKeys } from "../terminal/keys.ts";
import { printNote } from "../terminal/output.ts";
import { showProgress } from "../terminal/progress_display.ts";
import { type Command, defineCommand, type ExitCode, UsageError } from "./command.ts";
import { byteSizeBetween, text, token, webSocketUrl, wholeNumber } from "./flag_values.ts";
import { OUTPUT_FLAGS } from "./output_flags.ts";
import { RunningUploads } from "./running_uploads.ts";
import { trusted } from "./tls_flags.ts";
import { exitOf, printEnd, printSummary } from "./transfer_events.ts";
import { TransferTally } from "./transfer_tally.ts";
import { type FileToUpload, STANDARD_INPUT, uploadOne, type UploadTarget } from "./upload_one.ts";
import { isOneFile } from "./upload_plan.ts";
import { oneUploadView } from "./upload_progress.ts";
import { ServerContact } from "./server_contact.ts";
import { uploadSeveral } from "./upload_several.ts";

const KEYS: Readonly<Record<string, Wish>> = { p: "pause", r: "run", s: "stop", q: "quit" };
/** The most that is under way to the server, over all files: it is held in memory until it is sent. */
const IN_FLIGHT_BYTES = 64 * 1024 * 1024;
const KEY_HELP = "Keys: p pause, r resume, s stop and delete, q quit and keep";

/** `transfer upload`: sends files. */
export const upload: Command = defineCommand({
  name: "upload",
  summary: "Send files to an upload server, and go on where it stopped",
  examples: [
    ["transfer upload film.mkv", "To the server of this machine"],
    [
      "transfer upload photos '**/*.pdf' --ws wss://files.example.org/ws --parallel 8",
      "A directory and all PDF files here, eight at a time",
    ],
    ["tar c photos | transfer upload - --name photos.tar", "Standard input"],
  ],
  arguments: "FILE...",
  details: `
A FILE may also be a directory, which is sent with all that is below it, or a
pattern in quotes, such as '*.iso' or '**/*.jpg'. Links are followed only when they
are named themselves. A FILE of - is standard input, which needs --name.

Running the same command again continues an upload that was interrupted. While it
runs on a terminal: p pauses, r resumes, s stops and deletes what the server has,
q quits and keeps it; each acts on all uploads that are under way.`,
  flags: {
    ws: {
      summary: "The server",
      valueName: "URL",
      default: "ws://localhost:8765/ws",
      parse: webSocketUrl,
    },
    chunk: {
      summary: "Bytes of the file in one message to a server that knows plain messages only",
      valueName: "SIZE",
      default: "64K",
      parse: byteSizeBetween("1", "4M"),
    },
    parallel: {
      summary: "Most files to send at once",
      valueName: "N",
      default: "4",
      parse: wholeNumber(1, 256),
    },
    name: {
      summary: "What the file is to be called on the server, for one file or standard input",
      valueName: "NAME",
      parse: text,
    },
    id: {
      summary:
        "Key of the upload on the server, for one file; default: made of path, size and time of change",
      valueName: "ID",
      parse: text,
    },
    token: {
      summary: "What the server asks for; better set by TRANSFER_TOKEN, which other users can't see",
      valueName: "TOKEN",
      parse: token,
      isSecret: true,
    },
    ca: {
      summary: "PEM file of certificate authorities to trust besides the system's, for wss://",
      valueName: "FILE",
      parse: text,
    },
    ...OUTPUT_FLAGS,
  },
  async run(values, { args, signal }) {
    const file = await onlyFile(args, values);
    const running = new RunningUploads();
    using trust = values.ca === undefined ? undefined : await trusted(values.ca);
    const maxWindowBytes = Math.floor(IN_FLIGHT_BYTES / (file === undefined ? values.parallel : 1));
    const target = { ...values, trust, maxWindowBytes, contact: new ServerContact() };
    const options = { ...values, target, running };
    const stop = new AbortController();
    const quit = () => running.wish("quit");
    signal.addEventListener("abort", quit, { signal: stop.signal });
    if (signal.aborted) quit();
    void listenForKeys((key) => {
      const wish = KEYS[key.toLowerCase()];
      if (wish !== undefined) running.wish(wish);
    }, stop.signal);
    if (Deno.stdin.isTerminal() && !values.quiet && !values.json) printNote(KEY_HELP);
    try {
      return await (file === undefined ? uploadSeveral(args, options) : uploadSingle(file, options));
    } finally {
      stop.abort();
    }
  },
});

/** The file that the arguments name, when they name just one; `undefined` when there may be several. */
async function onlyFile(
  args: readonly string[],
  { id, name }: { readonly id: string | undefined; readonly name: string | undefined },
): Promise<FileToUpload | undefined> {
  const [path] = args;
  if (path === undefined) throw new UsageError("Name a file to upload");
  if (args.includes(STANDARD_INPUT)) return standardInput(args, { id, name });
  if (await isOneFile(args)) return { path, name: name ?? basename(path), id };
  if (name !== undefined) throw new UsageError("--name is for one file: several can't share it");
  if (id !== undefined) throw new UsageError("--id is for one file: several would share it");
  return undefined;
}

function standardInput(
  args: readonly string[],
  { id, name }: { readonly id: string | undefined; readonly name: string | undefined },
): FileToUpload {
  if (args.length > 1) throw new UsageError("- (standard input) is uploaded alone, not with other files");
  if (name === undefined) throw new UsageError("Give what comes from standard input a name, with --name");
  if (Deno.stdin.isTerminal()) {
    throw new UsageError("Standard input is the keyboard: pipe something into it, as in: tar c DIR | …");
  }
  return { path: STANDARD_INPUT, name, id };
}

async function uploadSingle(
  file: FileToUpload,
  options: {
    readonly target: UploadTarget;
    readonly running: RunningUploads;
    readonly json: boolean;
    readonly quiet: boolean;
  },
): Promise<ExitCode> {
  const { target, running, json, quiet } = options;
  const startedMs = performance.now();
  const end = await uploadOne(file, {
    target,
    running,
    ...(quiet || json ? {} : { show: (upload) => showProgress(oneUploadView(upload)) }),
  });
  const tally = new TransferTally();
  tally.add(end);
  const seconds = (performance.now() - startedMs) / 1000;
  const summary = tally.summary({ seconds, interrupted: tally.interrupted });
  printEnd(end, options);
  printSummary(summary, options);
  return exitOf(summary, tally);
}
