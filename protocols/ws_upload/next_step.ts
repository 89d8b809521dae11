/** What comes next on an upload that the server has started. Also loaded by the page. */

import { type Flight, SLOWEST_BYTES_PER_MS } from "./flight.ts";
import { chunkMessage, send, startMessage } from "./sender_messages.ts";
import {
  isToEnd,
  type SenderAction,
  type SenderEvent,
  type SenderOptions,
  type SenderState,
  type Wish,
} from "./sender_state.ts";

/** An answer that needs no transfer. Finishing a file may wait for its data to reach the disk. */
export const REPLY_MS = 20_000;
export const COMPLETE_REPLY_MS = 300_000;

/** A server that was started again reads what it has once before it answers, at least so fast. */
const SLOWEST_RECOVERY_BYTES_PER_MS = 50_000;

/** A state, and what is to be done to get there. */
export interface Step {
  readonly state: SenderState;
  readonly actions: SenderAction[];
}

/** Where an upload stands. */
export interface Standing {
  readonly state: SenderState;
  readonly wish: Wish;
  readonly flight: Flight;
  readonly options: SenderOptions;
}

/** Asks the server for the upload. */
export function startStep({ flight, options }: Standing, nowMs: number): Step {
  const bytes = Math.max(flight.acknowledged, options.fileSize ?? -1);
  const recoveryMs = bytes / SLOWEST_RECOVERY_BYTES_PER_MS;
  return {
    state: { kind: "starting", deadlineMs: nowMs + REPLY_MS + recoveryMs },
    actions: [startMessage(options)],
  };
}

/** Why a plain server that has so much can't get the rest; `undefined`: it can. */
export function plainProblem({ fileSize }: Flight, offset: number): string | undefined {
  if (fileSize === undefined) {
    return "This server has to know the size beforehand: write the data to a file first";
  }
  if (offset <= fileSize) return undefined;
  return `The server already has ${offset} bytes, more than the file's ${fileSize}`;
}

/** Does what the person wishes, and else sends on. */
export function nextStep({ state, wish, flight, options }: Standing, nowMs: number): Step {
  const { fileId } = options;
  const deadlineMs = nowMs + REPLY_MS;
  if (isToEnd(wish)) {
    const deletes = wish === "stop";
    return {
      state: { kind: "stopping", deadlineMs, deletes },
      actions: [send({ action: "stop", fileId, delete: deletes })],
    };
  }
  if (wish === "pause") {
    if (state.kind === "paused") return { state, actions: [] };
    return { state: { kind: "pausing", deadlineMs }, actions: [send({ action: "pause", fileId })] };
  }
  if (state.kind === "paused") {
    return { state: { kind: "resuming", deadlineMs }, actions: [send({ action: "resume", fileId })] };
  }
  return flight.isPlain ? plainStep(flight, options, nowMs) : streamStep(flight, nowMs);
}

function plainStep(
  { fileSize = 0, acknowledged }: Flight,
  { fileId, chunkBytes }: SenderOptions,
  nowMs: number,
): Step {
  const left = fileSize - acknowledged;
  if (left === 0) {
    return {
      state: { kind: "completing", deadlineMs: nowMs + COMPLETE_REPLY_MS },
      actions: [send({ action: "complete", fileId })],
    };
  }
  const length = Math.min(chunkBytes, left);
  return { state: { kind: "reading", length }, actions: [{ type: "read", offset: acknowledged, length }] };
}

/** Reads on as long as the window has room. */
function streamStep(flight: Flight, nowMs: number): Step {
  if (flight.next === flight.fileSize) {
    // Not waiting for the last acknowledgement saves a round trip: messages arrive in order, and a
    // server that has not all of it will say so.
    return { state: { kind: "hashing" }, actions: [{ type: "digest", length: flight.next }] };
  }
  const { patienceMs } = flight;
  const deadlineMs = patienceMs === undefined ? undefined : nowMs + REPLY_MS + patienceMs;
  const read = flight.read();
  return {
    state: { kind: "streaming", deadlineMs },
    actions: read === undefined ? [] : [{ type: "read-bytes", ...read }],
  };
}

/** Sends what was read for a plain server, if it is still what comes next. */
export function sendChunk(
  standing: Standing,
  chunk: Extract<SenderEvent, { type: "chunk" }>,
  nowMs: number,
): Step {
  const { state, wish, flight, options: { fileId } } = standing;
  if (state.kind !== "reading" || chunk.offset !== flight.acknowledged) return { state, actions: [] };
  if (wish !== "run") return nextStep(standing, nowMs);
  const { length } = state;
  const deadlineMs = nowMs + REPLY_MS + length / SLOWEST_BYTES_PER_MS;
  return { state: { kind: "sending", length, deadlineMs }, actions: [chunkMessage(fileId, chunk)] };
}

/** Extension: sends what was read, if it is still what comes next, and goes on. */
export function sendBytes(
  standing: Standing,
  { offset, bytes, isLast = false }: Extract<SenderEvent, { type: "bytes" }>,
  nowMs: number,
): Step {
  const { state: before, wish, flight } = standing;
  flight.readEnded();
  if (before.kind !== "streaming") return { state: before, actions: [] };
  if (wish !== "run" || offset !== flight.next) return nextStep(standing, nowMs);
  if (isLast) flight.endsAt(offset + bytes.length);
  const session = bytes.length === 0 ? undefined : flight.send(bytes.length, nowMs);
  const { state, actions } = nextStep(standing, nowMs);
  if (session === undefined) return { state, actions };
  return { state, actions: [{ type: "frame", session, offset, bytes }, ...actions] };
}
