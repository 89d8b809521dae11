import type { SenderState } from "../protocols/ws_upload/sender.ts";
import { DIGEST_MISMATCH } from "../protocols/ws_upload/server_messages.ts";
import { SourceFile } from "../protocols/ws_upload/source_file.ts";
import { startUpload } from "../protocols/ws_upload/upload_file.ts";
import { RateMeter } from "../terminal/rate_meter.ts";
import type { RunningUpload, RunningUploads } from "./running_uploads.ts";
import type { EndEvent } from "./upload_events.ts";
import { defaultFileId, resumeToken } from "./upload_identity.ts";
import { uploadNote } from "./upload_note.ts";
import { explainFileError } from "./upload_plan.ts";

/** Where files go, and how. */
export interface UploadTarget {
  /** URL of the server. */
  readonly ws: string;
  /** Bytes of a file in one message. */
  readonly chunk: number;
  readonly token: string | undefined;
  /** The most of one file that is under way, in bytes. */
  readonly maxWindowBytes: number;
}

/** A file to send. */
export interface FileToUpload {
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
): Promise<EndEvent> {
  const { path, name } = file;
  let source: SourceFile;
  let fileId: string;
  try {
    fileId = file.id ?? await defaultFileId(path);
    source = await SourceFile.open(path);
  } catch (error) {
    return { event: "failed", file: path, error: explainFileError(error) };
  }
  using opened = source;
  const startedMs = performance.now();
  const owner = await resumeToken({ server: options.target.ws, fileId });
  const running = start({ source: opened, fileId, name, resumeToken: owner }, options.target);
  const { upload } = running;
  {
    using _wishes = options.running.add(running);
    using _display = options.show?.(running);
    await upload.ended;
  }
  if (upload.state.kind !== "done") return endEvent(path, upload.state, upload.acknowledged);
  return {
    event: "done",
    file: path,
    path: upload.state.filePath,
    bytes: opened.size,
    sentBytes: running.sentBytes,
    seconds: (performance.now() - startedMs) / 1000,
    sha256: await opened.sha256(),
  };
}

function start(
  { source, fileId, name, resumeToken }: {
    readonly source: SourceFile;
    readonly fileId: string;
    readonly name: string;
    readonly resumeToken: string | undefined;
  },
  { ws, chunk, token, maxWindowBytes }: UploadTarget,
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
    onChange: ({ state, acknowledged }) => {
      if (state.kind !== "sending" && state.kind !== "reading" && state.kind !== "streaming") return;
      first ??= acknowledged;
      meter.add(acknowledged, performance.now());
    },
  });
  return {
    upload,
    bytes: source.size,
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

function endEvent(file: string, state: SenderState, offset: number): EndEvent {
  if (state.kind === "stopped") return { event: state.deleted ? "stopped" : "interrupted", file, offset };
  const error = state.kind === "failed" ? state.reason : "The upload did not end";
  return { event: "failed", file, error, ...(error === DIGEST_MISMATCH ? { corrupt: true } : {}) };
}
