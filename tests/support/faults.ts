import { answerOf, type RangeAnswer, type Tweak } from "./range_server.ts";

/** Ways for a server to misbehave, each as a change of what a good one would answer. */

const NONE = new Uint8Array(0);

/** Misbehaves from the request of that number on, counted from 0. */
export function from(index: number, tweak: Tweak): Tweak {
  return (answer, request, connection) => request.index < index ? answer : tweak(answer, request, connection);
}

/** Misbehaves at the requests of these numbers alone. */
export function at(indexes: readonly number[], tweak: Tweak): Tweak {
  return (answer, request, connection) =>
    indexes.includes(request.index) ? tweak(answer, request, connection) : answer;
}

/** Misbehaves when asked for a range. */
export function toRanges(tweak: Tweak): Tweak {
  return (answer, request, connection) =>
    request.range === undefined ? answer : tweak(answer, request, connection);
}

/** Headers more, or others. */
export function headers(extra: Readonly<Record<string, string>>): Tweak {
  return (answer) => ({ ...answer, headers: { ...answer.headers, ...extra } });
}

/** An answer without the file. */
export function refusal(status: number, headers: Readonly<Record<string, string>> = {}): Tweak {
  return () => ({ status, headers, body: NONE });
}

/** Another version of the file, with validators of its own. */
export function replaced(file: Uint8Array, validators: Readonly<Record<string, string>>): Tweak {
  return (_, request) => answerOf(file, request, validators);
}

/** The whole file, whatever was asked for. */
export function ignoringRange(file: Uint8Array, validators: Readonly<Record<string, string>>): Tweak {
  return () => ({ status: 200, headers: validators, body: file });
}

/** More connections than so many at a time are refused. */
export function limited(connections: number, status: number): Tweak {
  const open = new Set<unknown>();
  return (answer, _, connection) => {
    if (!open.has(connection) && open.size >= connections) return { status, headers: {}, body: NONE };
    open.add(connection);
    void connection.closed.then(() => open.delete(connection));
    return answer;
  };
}

/** Nothing comes for as long as the client waits. */
export const unanswered: Tweak = async (_, __, connection) => {
  await connection.closed;
  return undefined;
};

/** The body is cut off after so many bytes, by a reset, an orderly end, or silence. */
export function cutOff(after: number, what: "reset" | "end" | "silence"): Tweak {
  return (answer) => ({ ...answer, then: { after, what } });
}

/** A byte comes, and no other for as long as the client waits. */
export const dripping: Tweak = (answer) => ({
  ...answer,
  drip: { bytes: 1, pace: () => new Promise(() => {}) },
});

/** A part with a `Content-Range` other than what its body is. */
export function misplaced(place: (range: { readonly from: number; readonly to: number }) => string): Tweak {
  return toRanges((answer, { range }) => {
    if (range === undefined || answer.status !== 206) return answer;
    const to = range.from + answer.body.length;
    return { ...answer, headers: { ...answer.headers, "content-range": place({ from: range.from, to }) } };
  });
}

/** A part without a `Content-Range`. */
export const unplaced: Tweak = toRanges((answer) => ({
  ...answer,
  headers: without(answer, "content-range"),
}));

/** A part of half the length asked for. */
export function halved(size: number): Tweak {
  return toRanges((answer, { range }) => {
    const length = Math.ceil(answer.body.length / 2);
    const from = range?.from ?? 0;
    const place = { "content-range": `bytes ${from}-${from + length - 1}/${size}` };
    return { ...answer, body: answer.body.subarray(0, length), headers: { ...answer.headers, ...place } };
  });
}

/** More bytes behind the body than were announced. */
export const excessive: Tweak = (answer) => {
  const body = new Uint8Array(answer.body.length + 1000);
  body.set(answer.body);
  return { ...answer, body, length: answer.body.length };
};

/** What has to do with HTTP as little as this. */
export const nonsense: Tweak = async (_, __, connection) => {
  await connection.write("SSH-2.0-OpenSSH_9.6\r\n");
  connection.end();
  return undefined;
};

function without({ headers }: RangeAnswer, name: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name));
}
