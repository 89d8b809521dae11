import { randomBytes } from "node:crypto";
import { z } from "zod";
import { ConnectionProblem, deadline } from "../../net/connection_problem.ts";
import { explainTlsProblem } from "../../net/tls_problem.ts";
import { base64url, type SigningKey } from "./ed25519.ts";
import { EventReader, type StreamEvent } from "./event_reader.ts";
import { signedText } from "./identity.ts";
import { SESSION_COOKIE } from "./sessions.ts";

/** How a tracker is spoken to. */
export interface TrackerAccess {
  /** Its URL, with or without a path. */
  readonly url: string;
  /** Signs each request. */
  readonly key: SigningKey;
  readonly token: string | undefined;
  /** Certificate authorities that are trusted, and what else `fetch` needs. */
  readonly client: Deno.HttpClient | undefined;
  /** How long an answer may take, in milliseconds. Default: 10,000. */
  readonly answerMs?: number;
}

/** The tracker said no. */
export class TrackerRefusal extends Error {
  override readonly name = "TrackerRefusal";
  /** The HTTP status. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const ANSWER_MS = 10_000;
/** A stream that is silent for longer is dead: the tracker sends a comment every 15 s. */
const STREAM_SILENCE_MS = 45_000;
/** A clock that is off by less is not the reason of a refusal, in milliseconds. */
const SKEW_MS = 5_000;
const SILENT = "The tracker is silent";
const NONCE_BYTES = 16;
const utf8 = new TextEncoder();
const said = z.object({ message: z.string() });

/** Speaks to a tracker over HTTP in the name of a key. */
export class TrackerClient {
  readonly #access: TrackerAccess;
  readonly #answerMs: number;
  readonly #base: URL;
  readonly #signal: AbortSignal;
  #cookie: string | undefined;
  /** Who is logged in, to do so again: sessions end, and a tracker may forget them. */
  #user: { readonly username: string; readonly password: string } | undefined;
  /** The tracker's clock less ours, in milliseconds. */
  #skewMs = 0;

  /** @param signal Ends all requests. */
  constructor(access: TrackerAccess, signal: AbortSignal) {
    this.#access = access;
    this.#answerMs = access.answerMs ?? ANSWER_MS;
    // A path that it is behind stays in front of the paths asked for.
    this.#base = new URL(access.url.replace(/\/*$/, "/"));
    this.#signal = signal;
  }

  /** Begins a session. @throws {TrackerRefusal} User or password is wrong. */
  async login(username: string, password: string): Promise<void> {
    const answer = await this.#request("POST", "login", { username, password });
    this.#accepted(answer);
    const cookies = answer.headers.getSetCookie().map((cookie) => cookie.split(";")[0] ?? "");
    this.#cookie = cookies.find((cookie) => cookie.startsWith(`${SESSION_COOKIE}=`));
    this.#user = { username, password };
  }

  /**
   * Asks for something.
   *
   * @param fields Parameters of a GET, else a JSON object; what is `undefined` is left out.
   * @throws {TrackerRefusal} The tracker says no.
   * @throws {Error} It can't be reached, or is no tracker.
   */
  async ask<S extends z.ZodType>(
    method: "GET" | "POST",
    path: string,
    { fields, answer }: { readonly fields: Readonly<Record<string, unknown>>; readonly answer: S },
  ): Promise<z.output<S>> {
    let answered = await this.#request(method, path, fields);
    if (answered.status === 401 && this.#user !== undefined) {
      await this.login(this.#user.username, this.#user.password);
      answered = await this.#request(method, path, fields);
    }
    const parsed = answer.safeParse(this.#accepted(answered));
    if (parsed.success) return parsed.data;
    throw new Error(this.#stranger());
  }

  /** Reads events until the tracker ends them. @throws As {@linkcode TrackerClient.ask}. */
  async *events(
    { channels, peer, since, signal }: {
      readonly channels: readonly string[];
      readonly peer: string;
      readonly since: number | undefined;
      /** Ends it. */
      readonly signal: AbortSignal;
    },
  ): AsyncGenerator<StreamEvent> {
    const query = new URLSearchParams(channels.map((channel) => ["channel", channel]));
    query.set("peer_id", peer);
    if (since !== undefined) query.set("since", String(since));
    const silence = new AbortController();
    const expire = () => silence.abort(new Error(SILENT));
    let timer = setTimeout(expire, this.#answerMs);
    try {
      const ends = AbortSignal.any([signal, silence.signal]);
      const response = await this.#send("GET", `events?${query}`, { body: undefined, signal: ends });
      if (!response.ok) this.#accepted(await answerOf(response));
      const reader = new EventReader();
      for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        clearTimeout(timer);
        timer = setTimeout(expire, STREAM_SILENCE_MS);
        yield* reader.push(text);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async #request(
    method: "GET" | "POST",
    path: string,
    fields: Readonly<Record<string, unknown>>,
  ): Promise<Answer> {
    const given = Object.entries(fields).filter(([, value]) => value !== undefined);
    const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
    const target = method === "GET" && given.length > 0 ? `${path}?${query}` : path;
    const body = method === "GET" ? undefined : utf8.encode(JSON.stringify(Object.fromEntries(given)));
    const answered = async () => {
      using limit = deadline({ timeoutMs: this.#answerMs, message: SILENT });
      return await answerOf(await this.#send(method, target, { body, signal: limit.signal }));
    };
    const answer = await answered();
    return answer.status === 401 && this.#setClock(answer) ? await answered() : answer;
  }

  async #send(
    method: string,
    target: string,
    { body, signal }: { readonly body: Uint8Array<ArrayBuffer> | undefined; readonly signal: AbortSignal },
  ): Promise<Response> {
    const url = new URL(target, this.#base);
    const { token, client } = this.#access;
    const headers: Record<string, string> = { "x-peer-auth": this.#signature(method, url, body) };
    if (body !== undefined) headers["content-type"] = "application/json";
    if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
    if (this.#cookie !== undefined) headers["cookie"] = this.#cookie;
    try {
      return await fetch(url, {
        method,
        headers,
        signal: AbortSignal.any([this.#signal, signal]),
        // A signature is for one tracker; nothing of it goes elsewhere.
        redirect: "error",
        ...body === undefined ? {} : { body },
        ...client === undefined ? {} : { client },
      });
    } catch (error) {
      throw fetchProblem(error);
    }
  }

  /** @throws {TrackerRefusal} The status is an error's. */
  #accepted({ ok, status, statusText, value }: Answer): unknown {
    if (ok) return value;
    const { success, data } = said.safeParse(value);
    throw new TrackerRefusal(status, success ? data.message : this.#stranger(`: ${status} ${statusText}`));
  }

  #stranger(answer = ""): string {
    const { origin, pathname } = this.#base;
    return `What answers at ${origin}${pathname} is no tracker${answer}`;
  }

  #signature(method: string, url: URL, body: Uint8Array = new Uint8Array()): string {
    const { key } = this.#access;
    const ts = String(Date.now() + this.#skewMs);
    const nonce = base64url(randomBytes(NONCE_BYTES));
    const text = signedText({ method, target: url.pathname + url.search, body }, { ts, nonce });
    return `v1 ${key.key} ${ts} ${nonce} ${key.sign(text)}`;
  }

  /** @returns Whether our time was off, and is right now. */
  #setClock({ headers }: Answer): boolean {
    const skewMs = Date.parse(headers.get("date") ?? "") - Date.now();
    if (!Number.isFinite(skewMs) || Math.abs(skewMs - this.#skewMs) < SKEW_MS) return false;
    this.#skewMs = skewMs;
    return true;
  }
}

/** An answer that has come to its end. */
interface Answer extends Pick<Response, "ok" | "status" | "statusText" | "headers"> {
  /** `undefined`: no JSON. Something between us and the tracker answers in its own way. */
  readonly value: unknown;
}

async function answerOf(response: Response): Promise<Answer> {
  const { ok, status, statusText, headers } = response;
  return { ok, status, statusText, headers, value: jsonOf(await response.text()) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Deno says "fetch failed", and of the cause far more than a person wants to know. */
function fetchProblem(error: unknown): unknown {
  if (!(error instanceof TypeError && error.cause instanceof Error)) return error;
  const said = error.cause.message;
  const tls = said.includes("invalid HTTP version parsed")
    ? "What answers there does not speak HTTP: is its URL https://, or is the port another one?"
    : explainTlsProblem(said, "is its URL http://");
  const words = /client error \(\w+\): (?:tcp connect error: )?(.*?)(?: \(os error \d+\))?$/.exec(said)?.[1];
  return new ConnectionProblem(tls ?? words ?? said, { isFinal: tls !== undefined, cause: error });
}
