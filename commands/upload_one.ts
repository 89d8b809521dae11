import type { SenderState } from "../protocols/ws_upload/sender_state.ts";
import { DIGEST_MISMATCH, NOT_YOURS } from "../protocols/ws_upload/server_messages.ts";
import { SourceFile, type UploadSource } from "../protocols/ws_upload/source_file.ts";
import type { Trust } from "../net/trust.ts";
import { StreamSource } from "../protocols/ws_upload/stream_source.ts";
import { startUpload } from "../protocols/ws_upload/upload_file.ts";
import { RateMeter } from "../terminal/rate_meter.ts";
import type { FileEndEvent } from "./event_schemas.ts";
import type { RunningUpload, RunningUploads } from "./running_uploads.ts";
import { defaultFileId, resumeToken } from "./upload_identity.ts";
import type { ServerContact } from "./server_contact.ts";
import { uploadNote } from "./upload_note.ts";
import { explainFileError } from "./upload_plan.ts";

/** The path that stands for it. */
export const STANDARD_INPUT = "-";

/** Where files go, and how. */
export interface UploadTarget {
  /** URL of the server. */
  readonly ws: string;
  /** Bytes of a file in one message. */
  readonly chunk: number;
  readonly token: string | undefined;
  /** The most of one file that is under way, in bytes. */
  readonly maxWindowBytes: number;
  /** Whom its certificate may be issued by, besides those the system trusts. */
  readonly trust: Trust | undefined;
  /** Whether it was reached, as far as the uploads of this run know. */
  readonly contact: ServerContact;
}

/** A file to send. */
export interface FileToUpload {
  /** `-`: standard input. */
  readonly path: string;
  /** What it is to be called on the server. */
  readonly name: string;
  /** Its key on the server; without one it is made of path, size and time of change. */
  readonly id?: string | undefined;
}

/** Sends one file to its end, however that is; opens it now and closes it then. */
export async function uploadOne(
  file: FileToUpload,
  options: {
    readonly target: UploadTarget;
    /** Carries the person's wishes to it. */
    readonly running: RunningUploads;
    /** Shows it until what is returned is disposed of. */
    readonly show?: (running: RunningUpload) => Disposable;
  },
): Promise<FileEndEvent> {
  const { path, name } = file;
  let source: UploadSource;
  let identity: { readonly fileId: string; readonly resumeToken: string | undefined };
  try {
    identity = await identify(file, options.target);
    source = await openSource(path);
  } catch (error) {
    return { event: "failed", file: path, error: explainFileError(error) };
  }
  using opened = source;
  const startedMs = performance.now();
  const running = start({ source: opened, name, ...identity }, options.target);
  const { upload } = running;
  {
    using _wishes = options.running.add(running);
    using _display = options.show?.(running);
    await upload.ended;
  }
  if (upload.state.kind === "failed") options.target.contact.failed();
  if (upload.state.kind !== "done") return endEvent(path, upload.state, upload.acknowledged);
  return {
    event: "done",
    file: path,
    path: upload.state.filePath,
    bytes: running.bytes,
    transferredBytes: running.sentBytes,
    seconds: (performance.now() - startedMs) / 1000,
    sha256: await opened.sha256(),
  };
}

async function openSource(path: string): Promise<UploadSource> {
  return path === STANDARD_INPUT ? new StreamSource(Deno.stdin.readable) : await SourceFile.open(path);
}

/** What the server is to find the upload by, and to know its owner by. */
async function identify(
  { path, id }: FileToUpload,
  { ws }: UploadTarget,
): Promise<{ readonly fileId: string; readonly resumeToken: string | undefined }> {
  // What comes in by standard input never comes again, so it has no key to be found by.
  const fileId = id ?? (path === STANDARD_INPUT ? crypto.randomUUID() : await defaultFileId(path));
  return { fileId, resumeToken: await resumeToken({ server: ws, fileId }) };
}

function start(
  { source, name, fileId, resumeToken }: {
    readonly source: UploadSource;
    readonly name: string;
    readonly fileId: string;
    readonly resumeToken: string | undefined;
  },
  { ws, chunk, token, trust, maxWindowBytes, contact }: UploadTarget,
): RunningUpload {
  const meter = new RateMeter();
  /** What the server had before this run. */
  let first: number | undefined;
  const upload = startUpload({
    url: ws,
    source,
    fileId,
    fileName: name,
    chunkBytes: chunk,
    resumeToken,
    maxWindowBytes,
    token,
    trust,
    unreachableMs: contact.patienceMs,
    onChange: ({ state, acknowledged }) => {
      if (state.kind !== "sending" && state.kind !== "reading" && state.kind !== "streaming") return;
      contact.reached();
      first ??= acknowledged;
      meter.add(acknowledged, performance.now());
    },
  });
  return {
    upload,
    get bytes() {
      return source.size ?? upload.acknowledged;
    },
    get sentBytes() {
      return first === undefined ? 0 : Math.max(0, upload.acknowledged - first);
    },
    progress: (nowMs) => ({
      name,
      done: upload.acknowledged,
      total: source.size,
      bytesPerSecond: meter.bytesPerSecond(nowMs),
      note: uploadNote(upload.state, nowMs),
    }),
  };
}

function endEvent(file: string, state: SenderState, keptBytes: number): FileEndEvent {
  if (state.kind === "stopped") {
    return state.deleted ? { event: "stopped", file } : { event: "interrupted", file, keptBytes };
  }
  const reason = state.kind === "failed" ? state.reason : "The upload did not end";
  const error = reason === NOT_YOURS ? `${reason}; another --id begins a new one` : reason;
  return { event: "failed", file, error, ...(reason === DIGEST_MISMATCH ? { corrupt: true } : {}) };
}
