import type { Catalogue } from "../../store/catalogue.ts";
import type { CatalogueEntry } from "../../store/catalogue_entries.ts";
import { type Piece, piecesOf } from "./blocks.ts";
import { digestOf } from "./digests.ts";
import { encodeFrame, FRAME } from "./frames.ts";
import { encodeListPages } from "./list_pages.ts";
import {
  DATA_HEAD_BYTES,
  encodeError,
  encodeRootAnswer,
  ERROR_CODE,
  type ErrorCode,
  writeDataHead,
} from "./messages.ts";
import type { Outbox } from "./outbox.ts";
import { missingAnswer } from "./plain.ts";
import { FileChangedError, type FoundFile, UnreadableError } from "../../store/found_files.ts";
import type { ServedFiles } from "./served_files.ts";
import type { ServingAction } from "./serving_action.ts";

/** What is asked of a server, by a client of either kind. */
export type Asked = Extract<ServingAction, { type: "list" | "get" | "root" | "plain" }>;
type Get = Extract<Asked, { type: "get" }>;
type Plain = Extract<Asked, { type: "plain" }>["asked"];

/** What answers are made of. */
export interface AnswerSources {
  readonly catalogue: Catalogue;
  readonly files: ServedFiles;
  /** Told before bytes of a file are sent, and how many. */
  readonly onFile: (file: FoundFile, bytes: number) => void;
  /** Told of what could not be sent, or not to its end. */
  readonly onProblem: (problem: FileProblem) => void;
  /** Called now and then while much is computed of which nothing is sent. @throws {Error} It is of no use any more. */
  readonly checkOpen: () => void;
}

/** A file that could not be sent, or not to its end. */
export type FileProblem = {
  readonly [T in "changed" | "unreadable"]: {
    readonly type: T;
    readonly path: string;
    readonly reason: string;
  };
}["changed" | "unreadable"];

/** The client can't be told what went wrong with the answer under way: the connection has to end. */
export class BrokenAnswerError extends Error {
  override readonly name = "BrokenAnswerError";
}

/**
 * Answers one request.
 *
 * @throws {BrokenAnswerError}
 * @throws {Error} The client is gone.
 */
export async function answer(asked: Asked, out: Outbox, sources: AnswerSources): Promise<void> {
  switch (asked.type) {
    case "list":
      return await answerList(asked, out, sources);
    case "get":
      return await orError(asked, { out, sources }, () => answerGet(asked, out, sources));
    case "root":
      return await orError(asked, { out, sources }, () => answerRoot(asked, out, sources));
    case "plain":
      return await answerPlain(asked.asked, out, sources);
  }
}

/**
 * Answers a request for the whole of a short file, if there is room to gather it: without a promise, as there may
 * be ten thousand of them.
 *
 * @returns Whether it has; else it is for {@linkcode answer}.
 */
export function answerAtOnce(asked: Asked, out: Outbox, { files, onFile }: AnswerSources): boolean {
  if (asked.type !== "get" || asked.offset !== 0) return false;
  const room = out.spare;
  if (room.length < DATA_HEAD_BYTES) return false;
  const file = files.readAtOnce(asked.path, room.subarray(DATA_HEAD_BYTES).subarray(0, asked.length));
  if (file === undefined) return false;
  const { version } = file;
  const length = version.size;
  onFile(file, length);
  const digest = digestOf(room.subarray(DATA_HEAD_BYTES, DATA_HEAD_BYTES + length));
  writeDataHead(room, { request: asked.request, isEnd: true, length, offset: 0, version, digest });
  out.filled(DATA_HEAD_BYTES + length);
  return true;
}

async function answerList(
  { request, path }: Extract<Asked, { type: "list" }>,
  out: Outbox,
  { catalogue }: AnswerSources,
): Promise<void> {
  await catalogue.refresh(path);
  if (path !== "" && catalogue.get(path) === undefined) return await sendMissing(request, out, path);
  let last: Uint8Array | undefined;
  for (const page of encodeListPages(entriesOf(catalogue, path))) {
    if (last !== undefined) await out.append(encodeFrame({ type: FRAME.list, request, isEnd: false }, last));
    last = page;
  }
  await out.append(encodeFrame({ type: FRAME.list, request, isEnd: true }, last));
}

function* entriesOf(catalogue: Catalogue, path: string): Generator<CatalogueEntry> {
  for (const each of catalogue.pathsBelow(path)) {
    const entry = catalogue.get(each);
    // Gone while the earlier pages were sent.
    if (entry !== undefined) yield entry;
  }
}

async function answerGet(
  { request, path, ...range }: Get,
  out: Outbox,
  sources: AnswerSources,
): Promise<void> {
  const file = sources.files.find(path);
  if (file === undefined) return await sendMissing(request, out, path);
  const { size } = file.version;
  const rangeEnd = Math.min(range.offset + range.length, size);
  sources.onFile(file, Math.max(0, rangeEnd - range.offset));
  for (const piece of piecesOf(range, size)) {
    const isEnd = piece.offset + piece.length >= rangeEnd;
    await sendData({ file, piece, request, isEnd }, out, sources.files);
  }
}

async function sendData(
  { file, piece, request, isEnd }: {
    readonly file: FoundFile;
    readonly piece: Piece;
    readonly request: number;
    readonly isEnd: boolean;
  },
  out: Outbox,
  files: ServedFiles,
): Promise<void> {
  const { offset, length } = piece;
  const frameBytes = DATA_HEAD_BYTES + length;
  const head = { request, isEnd, length, offset, version: file.version };
  const room = await out.room(frameBytes);
  if (room.length >= frameBytes) {
    const bytes = room.subarray(DATA_HEAD_BYTES);
    await files.read(file, offset, bytes);
    writeDataHead(room, { ...head, digest: files.digest(file, piece, bytes) });
    return out.filled(frameBytes);
  }
  // The digest comes first: so the bytes are read once for it, and once more to be sent.
  const digest = await files.digestByParts(file, piece, { buffer: room, sure: true });
  writeDataHead(room, { ...head, digest });
  out.filled(DATA_HEAD_BYTES);
  await sendRaw(file, piece, { out, files });
}

/** Least that is worth a read of its own. */
const LEAST_BYTES = 16 * 1024;

/** Sends bytes of a file behind something that says how many they are. @throws {BrokenAnswerError} */
async function sendRaw(
  file: FoundFile,
  { offset, length }: Piece,
  { out, files }: { readonly out: Outbox; readonly files: ServedFiles },
): Promise<void> {
  for (let done = 0; done < length;) {
    const room = await out.room(length - done, Math.min(length - done, LEAST_BYTES));
    try {
      await files.read(file, offset + done, room);
    } catch (error) {
      if (!(error instanceof FileChangedError || error instanceof UnreadableError)) throw error;
      throw new BrokenAnswerError(error.message, { cause: error });
    }
    out.filled(room.length);
    done += room.length;
  }
}

async function answerRoot(
  { request, path, digest }: Extract<Asked, { type: "root" }>,
  out: Outbox,
  { files, checkOpen }: AnswerSources,
): Promise<void> {
  const file = files.find(path);
  if (file === undefined) return await sendMissing(request, out, path);
  // What is gathered goes first: this may take its time, and needs all the room.
  await out.flush();
  const root = digest ? { root: await files.root(file, await out.room(ROOT_BUFFER_BYTES), checkOpen) } : {};
  const payload = encodeRootAnswer({ path, ...file.version, ...root });
  await out.append(encodeFrame({ type: FRAME.root, request, isEnd: true }, payload));
}

const ROOT_BUFFER_BYTES = 1024 * 1024;

async function answerPlain(asked: Plain, out: Outbox, sources: AnswerSources): Promise<void> {
  const { name } = asked;
  const file = findPlain(name, sources);
  if (file === undefined) return await out.append(new TextEncoder().encode(missingAnswer(name)));
  const { size } = file.version;
  if (asked.kind === "size") return await out.append(new TextEncoder().encode(String(size)));
  const { offset } = asked.range;
  const length = Math.max(0, Math.min(asked.range.length, size - offset));
  sources.onFile(file, length);
  try {
    await sendRaw(file, { offset, length }, { out, files: sources.files });
  } catch (error) {
    if (error instanceof BrokenAnswerError) sources.onProblem(problemOf(error.cause, name));
    throw error;
  }
}

/** A plain client has no word for what can't be read, nor a way to ask for what is in a subdirectory. */
function findPlain(name: string, { files, onProblem }: AnswerSources): FoundFile | undefined {
  if (name.includes("/")) return undefined;
  try {
    return files.find(name);
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    onProblem(problemOf(error, name));
    return undefined;
  }
}

/** Carries out what answers a request, or tells the client why that failed. */
async function orError(
  { request, path }: { readonly request: number; readonly path: string },
  { out, sources }: { readonly out: Outbox; readonly sources: AnswerSources },
  carryOut: () => Promise<void>,
): Promise<void> {
  try {
    await carryOut();
  } catch (error) {
    const cause = error instanceof BrokenAnswerError ? error.cause : error;
    if (!(cause instanceof FileChangedError || cause instanceof UnreadableError)) throw error;
    sources.onProblem(problemOf(cause, path));
    if (error instanceof BrokenAnswerError) throw error;
    await (cause instanceof FileChangedError
      ? sendError(request, out, { code: ERROR_CODE.changed, text: cause.message })
      // Why it can't be read is for the log: it names paths of this machine.
      : sendError(request, out, { code: ERROR_CODE.unreadable, text: "The server can't read this file" }));
  }
}

function problemOf(cause: unknown, path: string): FileProblem {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return { type: cause instanceof UnreadableError ? "unreadable" : "changed", path, reason };
}

async function sendMissing(request: number, out: Outbox, path: string): Promise<void> {
  await sendError(request, out, { code: ERROR_CODE.notFound, text: missingAnswer(path) });
}

async function sendError(
  request: number,
  out: Outbox,
  refusal: { readonly code: ErrorCode; readonly text: string },
): Promise<void> {
  await out.append(encodeFrame({ type: FRAME.error, request, isEnd: true }, encodeError(refusal)));
}
