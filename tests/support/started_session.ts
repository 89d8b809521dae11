import type { Mode, SessionRequest, Step } from "../../protocols/ws_upload/session_state.ts";
import { UploadSession } from "../../protocols/ws_upload/upload_session.ts";

/** Two connections. */
export const [A, B] = [1, 2];
export const MIB = 1024 * 1024;
/** How a client of the plain protocol speaks, and one of the extension. */
export const PLAIN: Mode = { kind: "plain" };
export const EXTENDED: Mode = { kind: "extended", session: 7, chunkBytes: 100, windowBytes: 1000 };

/** What a client's token says about the upload. */
export type Claim = Extract<SessionRequest, { action: "start" }>["claim"];

/** An upload that belongs to nobody. */
export function session(fileSize: number | undefined = 10_000, length = 0): UploadSession {
  return new UploadSession({ fileId: "f", fileSize, length });
}

/** What starts it. */
export function start(
  { mode = EXTENDED, claim = "unowned", fileSize = 10_000 }: {
    readonly mode?: Mode;
    readonly claim?: Claim;
    readonly fileSize?: number | undefined;
  } = {},
): SessionRequest {
  return { action: "start", fileSize, mode, claim };
}

/** An upload that A has started with the extension at time 0. */
export function started(fileSize = 10_000, length = 0): UploadSession {
  const upload = session(fileSize, length);
  upload.request(start({ fileSize }), A, 0);
  return upload;
}

/** Offers a frame; one that is to be stored counts as stored. */
export function frame(
  upload: UploadSession,
  offset: number,
  { bytes = 100, isIntact = true, from = A, nowMs = 0 } = {},
): Step {
  const step = upload.request(
    { action: "frame", offset, bytes: new Uint8Array(bytes), isIntact },
    from,
    nowMs,
  );
  if (step.type === "append") upload.appended(step.bytes.length);
  return step;
}

/** What a step comes to, in a word; of an answer its event, of an error its text. */
export function told(step: Step): string {
  if (step.type === "close") return `close ${step.code}`;
  if (step.type !== "reply") return step.type;
  return step.message.event === "error" ? step.message.error : step.message.event;
}

/** The answer to bytes from a wrong place. */
export const mismatch = (expected: number, received: number): Step => ({
  type: "reply",
  message: { event: "offset-mismatch", fileId: "f", expected, received },
});
