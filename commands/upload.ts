import { basename } from "@std/path";
import { createHash } from "node:crypto";
import type { SenderState, Wish } from "../protocols/ws_upload/sender.ts";
import { SourceFile } from "../protocols/ws_upload/source_file.ts";
import { startUpload, type Upload } from "../protocols/ws_upload/upload_file.ts";
import { formatBytes } from "../terminal/format.ts";
import { listenForKeys } from "../terminal/keys.ts";
import { printNote, printResult } from "../terminal/output.ts";
import { printable } from "../terminal/printable.ts";
import { NO_PROGRESS, showProgress } from "../terminal/progress_display.ts";
import { RateMeter } from "../terminal/rate_meter.ts";
import { type Command, defineCommand, EXIT, type ExitCode, UsageError } from "./command.ts";
import { byteSizeBetween, text, toggle, token, webSocketUrl } from "./flag_values.ts";
import { uploadNote } from "./upload_note.ts";

const KEYS: Readonly<Record<string, Wish>> = { p: "pause", r: "run", s: "stop", q: "quit" };
const KEY_HELP = "Keys: p pause, r resume, s stop and delete, q quit and keep";

/** `transfer upload`: sends files. */
export const upload: Command = defineCommand({
  name: "upload",
  summary: "Send files to an upload server, and go on where it stopped",
  arguments: "FILE...",
  details: `
Running the same command again continues an upload that was interrupted. While it
runs on a terminal: p pauses, r resumes, s stops and deletes what the server has,
q quits and keeps it.`,
  flags: {
    ws: {
      summary: "The server",
      valueName: "URL",
      default: "ws://localhost:8765/ws",
      parse: webSocketUrl,
    },
    chunk: {
      summary: "Bytes of the file in one message",
      valueName: "SIZE",
      default: "64K",
      parse: byteSizeBetween("1", "4M"),
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
    },
    json: { summary: "Print events as JSON, one a line", default: "false", parse: toggle },
    quiet: { summary: "Show no progress", default: "false", parse: toggle },
  },
  async run(values, { args, signal }) {
    checkArguments(args, values.id);
    const stop = new AbortController();
    const session: Session = { ...values, signal, current: undefined };
    void listenForKeys((key) => {
      const wish = KEYS[key.toLowerCase()];
      if (wish !== undefined) session.current?.wish(wish);
    }, stop.signal);
    if (Deno.stdin.isTerminal() && !values.quiet && !values.json) printNote(KEY_HELP);
    try {
      return await uploadAll(args, session);
    } finally {
      stop.abort();
    }
  },
});

/** What the uploads of one run have in common, and the one that keys speak to. */
interface Session {
  readonly ws: string;
  readonly chunk: number;
  readonly id: string | undefined;
  readonly token: string | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly signal: AbortSignal;
  current: Upload | undefined;
}

function checkArguments(args: readonly string[], id: string | undefined): void {
  if (args.length === 0) throw new UsageError("Name a file to upload");
  if (args.includes("-")) {
    throw new UsageError(
      "Standard input can't be uploaded yet: its size is not known before its end. Write it to a file first",
    );
  }
  if (id !== undefined && args.length > 1) {
    throw new UsageError("--id is for one file: several would share it");
  }
}

async function uploadAll(paths: readonly string[], session: Session): Promise<ExitCode> {
  let code: ExitCode = EXIT.done;
  for (const path of paths) {
    const outcome = await uploadOne(path, session);
    if (outcome === EXIT.interrupted) return outcome;
    if (outcome !== EXIT.done) code = outcome;
  }
  return code;
}

async function uploadOne(path: string, session: Session): Promise<ExitCode> {
  let source: SourceFile;
  try {
    source = await SourceFile.open(path);
  } catch (error) {
    return report({ event: "failed", file: path, error: explain(error) }, session);
  }
  using opened = source;
  const startedMs = performance.now();
  const meter = new RateMeter();
  let first: number | undefined;
  const running = startUpload({
    url: session.ws,
    source: opened,
    fileId: session.id ?? await defaultFileId(path),
    fileName: basename(path),
    chunkBytes: session.chunk,
    token: session.token,
    onChange: ({ state, acknowledged }) => {
      if (state.kind !== "sending") return;
      first ??= acknowledged;
      meter.add(acknowledged, performance.now());
    },
  });
  const quit = () => running.wish("quit");
  session.signal.addEventListener("abort", quit, { once: true });
  if (session.signal.aborted) quit();
  session.current = running;
  try {
    using _display = session.quiet || session.json ? NO_PROGRESS : showProgress(() => ({
      name: basename(path),
      done: running.acknowledged,
      total: opened.size,
      bytesPerSecond: meter.bytesPerSecond(performance.now()),
      note: uploadNote(running.state, performance.now()),
    }));
    await running.ended;
  } finally {
    session.current = undefined;
    session.signal.removeEventListener("abort", quit);
  }
  const { state } = running;
  if (state.kind !== "done") return report(endEvent(path, state, running.acknowledged), session);
  return report({
    event: "done",
    file: path,
    path: state.filePath,
    bytes: opened.size,
    sentBytes: opened.size - (first ?? opened.size),
    seconds: (performance.now() - startedMs) / 1000,
    sha256: await opened.sha256(),
  }, session);
}

/** How an upload ended, as `--json` prints it. */
type EndEvent =
  | {
    readonly event: "done";
    readonly file: string;
    /** Absolute path on the server. */
    readonly path: string;
    readonly bytes: number;
    /** Bytes sent by this run; fewer than `bytes` when it continued an earlier one. */
    readonly sentBytes: number;
    readonly seconds: number;
    readonly sha256: string;
  }
  | { readonly event: "stopped" | "interrupted"; readonly file: string; readonly offset: number }
  | { readonly event: "failed"; readonly file: string; readonly error: string };

function endEvent(file: string, state: SenderState, offset: number): EndEvent {
  if (state.kind === "stopped") return { event: state.deleted ? "stopped" : "interrupted", file, offset };
  return { event: "failed", file, error: state.kind === "failed" ? state.reason : "The upload did not end" };
}

function report(end: EndEvent, session: Session): ExitCode {
  if (session.json) printResult(JSON.stringify(end));
  const file = printable(end.file);
  switch (end.event) {
    case "done":
      if (!session.json) printResult(summary(end));
      return EXIT.done;
    case "stopped":
      printNote(`${file}: stopped; the server has deleted its part`);
      return EXIT.failed;
    case "interrupted":
      printNote(`${file}: interrupted at ${formatBytes(end.offset)}; run the same command again to continue`);
      return EXIT.interrupted;
    case "failed":
      printNote(`${file}: ${printable(end.error)}`);
      return EXIT.failed;
  }
}

function summary(end: Extract<EndEvent, { event: "done" }>): string {
  const seconds = Math.max(end.seconds, 1e-3);
  const resumed = end.sentBytes < end.bytes
    ? `, ${formatBytes(end.bytes - end.sentBytes)} were there already`
    : "";
  return [
    `${printable(end.file)} -> ${printable(end.path)}`,
    `  ${end.bytes} bytes in ${seconds.toFixed(2)} s, ${
      (end.sentBytes / 1e6 / seconds).toFixed(1)
    } MB/s${resumed}`,
    `  SHA-256 ${end.sha256}`,
  ].join("\n");
}

/** The same for the same file, unless it was changed: so running a command again finds its upload. */
async function defaultFileId(path: string): Promise<string> {
  const { size, mtime } = await Deno.stat(path);
  const parts = [Deno.hostname(), await Deno.realPath(path), size, mtime?.getTime() ?? 0];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

function explain(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "There is no such file";
  return error instanceof Error ? error.message : String(error);
}
