import { ConnectionProblem } from "../../net/connection_problem.ts";
import { HeadProblem } from "../../net/http_fields.ts";
import type { RequestHead } from "../../net/request_head.ts";
import { parseResponseHead, type ResponseHead } from "../../net/response_head.ts";
import type { Alarm } from "./alarms.ts";
import type { ClientFault, ClientSide } from "./client_side.ts";
import { clientMessage } from "./forwarded_head.ts";
import { asChunk, IncomingBody, LAST_CHUNK } from "./incoming_body.ts";
import type { ProxyContext } from "./proxy_context.ts";
import { HEAD_RULES } from "./proxy_limits.ts";
import { CLIENT_GONE } from "./status_text.ts";
import { passTunnel } from "./tunnel.ts";
import { isWebSocket, wantsWebSocket } from "./upgrade.ts";
import type { UpstreamConnection } from "./upstream.ts";
import type { UpstreamFault } from "./upstream_health.ts";

/** Why an attempt failed. */
export type Failure =
  | { readonly by: "client"; readonly status: ClientFault["status"]; readonly reason: string }
  | {
    readonly by: "upstream";
    /**
     * `malformed`: its answer can't be passed on. `cut`: it ended before its length. `exhausted`: it was not asked, as
     * there is no file handle or port left.
     */
    readonly fault: UpstreamFault | "malformed" | "cut" | "exhausted";
    readonly reason: string;
  };

/** What became of an attempt. */
export type AttemptResult =
  | {
    readonly kind: "answered";
    readonly status: number;
    readonly isKeptAlive: boolean;
    /** Whether the upstream's connection can carry another request. */
    readonly isReusable: boolean;
  }
  /** @property status Of the answer, if a part of it is with the client. */
  | { readonly kind: "failed"; readonly failure: Failure; readonly status: number | undefined };

/** Options of {@linkcode Attempt}. */
export interface AttemptOptions {
  readonly context: ProxyContext;
  readonly client: ClientSide;
  readonly connection: UpstreamConnection;
  readonly request: RequestHead;
  /** What is sent first: the head, and the body if it was read whole. */
  readonly opening: Uint8Array;
  /** What is left of the body. */
  readonly body: IncomingBody;
  /** Whether the client's connection is to be kept, as far as that is the proxy's choice. */
  readonly mayKeepAlive: () => boolean;
  /** The answer has begun. */
  readonly onAnswer: () => void;
}

/** Interim answers before the one that counts; more are a mistake. */
const INTERIM_MOST = 20;
/** What is copied to be written at once: one packet instead of two. */
const JOIN_BYTES = 16_384;

/** One request on one connection to an upstream, from its first byte to the last of its answer. */
export class Attempt {
  readonly #options: AttemptOptions;
  readonly #alarm: Alarm;
  readonly #sendAlarm: Alarm;
  #failure: Failure | undefined;
  #isOver = false;
  /** What of the request is with the upstream: `ended` before its end, as the upstream takes no more. */
  #sending: "under way" | "ended" | "done" = "under way";
  /** Whether the upstream's next move is waited for. */
  #isWaiting = false;
  /** The write of a piece that is the client's buffer. */
  #writing: Promise<void> | undefined;
  /** Of the answer that is on its way to the client. */
  #status: number | undefined;

  constructor(options: AttemptOptions) {
    this.#options = options;
    const { alarms } = options.context;
    const late = () => {
      const fault = this.#status === undefined ? "slow" : "cut";
      this.#fail({ by: "upstream", fault, reason: "it did not go on in time" });
    };
    this.#alarm = alarms.add(late);
    this.#sendAlarm = alarms.add(late);
  }

  /** Never rejects. The connection is closed, unless the result says that it is reusable. */
  async run(): Promise<AttemptResult> {
    const { client, connection, body } = this.#options;
    client.onFault = (fault) => this.#fail({ by: "client", ...fault });
    let result: AttemptResult;
    try {
      await this.#open();
      if (body.isOver) this.#allSent();
      else void this.#passRequestBody();
      const response = await this.#receiveHead();
      this.#options.onAnswer();
      result = isWebSocket(response) ? await this.#passWebSocket(response) : await this.#passAnswer(response);
    } catch (error) {
      result = { kind: "failed", failure: this.#failure ?? this.#failureOf(error), status: this.#status };
    }
    this.#isOver = true;
    client.onFault = undefined;
    this.#alarm[Symbol.dispose]();
    this.#sendAlarm[Symbol.dispose]();
    if (result.kind === "failed" || !result.isReusable) connection.close();
    // Its buffers are given to others now.
    await this.#writing?.catch(() => {});
    connection.reader.narrow();
    return result;
  }

  async #open(): Promise<void> {
    const { connection, opening } = this.#options;
    this.#sendAlarm.set(this.#options.context.limits.upstreamMs);
    // As in ClientSide.write.
    await undefined;
    // One that takes no more may have answered already; else its end will be seen by who reads.
    await connection.write(opening).catch(() => {});
    this.#sendAlarm.clear();
  }

  async #passRequestBody(): Promise<void> {
    const { client, connection, request, body, context } = this.#options;
    const isChunked = request.framing.kind === "chunked";
    try {
      for (;;) {
        const piece = await body.next(() => this.#isOver || client.awaitBody());
        // The answer was there before the request; what the client still sends is for nobody.
        if (this.#isOver) return;
        client.gotBody();
        const bytes = piece === undefined ? LAST_CHUNK : isChunked ? asChunk(piece) : piece;
        if (piece !== undefined || isChunked) {
          this.#sendAlarm.set(context.limits.upstreamMs);
          this.#writing = connection.write(bytes);
          try {
            await this.#writing;
          } catch {
            break; // As in #open.
          }
          this.#sendAlarm.clear();
        }
        if (piece === undefined) break;
      }
    } catch (error) {
      if (this.#isOver) return;
      const isBroken = error instanceof ConnectionProblem;
      const reason = isBroken
        ? "the chunks of its body are broken"
        : "the client went away within its request";
      return client.bodyFailed({ status: isBroken ? 400 : CLIENT_GONE, reason });
    }
    if (!this.#isOver) this.#allSent();
  }

  #allSent(): void {
    const { client, body, context } = this.#options;
    this.#sending = body.isOver ? "done" : "ended";
    this.#sendAlarm.clear();
    if (this.#isWaiting) this.#alarm.set(context.limits.upstreamMs);
    if (body.isOver) {
      body.finish();
      client.watch();
    }
  }

  /** The next bytes of the upstream are waited for; in time, once nothing more goes to it. */
  #wait(): void {
    this.#isWaiting = true;
    if (this.#sending !== "under way") this.#alarm.set(this.#options.context.limits.upstreamMs);
  }

  #gotBytes(): void {
    this.#isWaiting = false;
    this.#alarm.clear();
  }

  async #receiveHead(): Promise<ResponseHead> {
    const { client, connection, request } = this.#options;
    for (let interim = 0; interim <= INTERIM_MOST; interim++) {
      this.#wait();
      const text = await connection.reader.readHead();
      this.#gotBytes();
      if (text === undefined) {
        throw new Deno.errors.UnexpectedEof("It closed the connection without an answer");
      }
      const response = parseResponseHead(text, { method: request.method, rules: HEAD_RULES });
      if (response.status === 101) {
        if (isWebSocket(response) && wantsWebSocket(request)) return response;
        throw new HeadProblem("malformed", "a switch to a protocol that nobody asked for");
      }
      if (response.status >= 200) return response;
      // Who did not ask for it has sent the body already.
      const isWanted = response.status !== 100 || request.expectsContinue;
      if (request.minor === 1 && isWanted) {
        await client.write(clientMessage(response, { request, isKeptAlive: true }).head);
      }
    }
    throw new HeadProblem("malformed", `more than ${INTERIM_MOST} interim answers`);
  }

  async #passAnswer(response: ResponseHead): Promise<AttemptResult> {
    const { client, connection, request, body, context, mayKeepAlive } = this.#options;
    const isKeptAlive = request.isKeptAlive && body.isOver && mayKeepAlive();
    const message = clientMessage(response, { request, isKeptAlive });
    const answer = new IncomingBody(connection.reader, { framing: response.framing, memory: context.memory });
    const framed = (piece: Uint8Array<ArrayBuffer> | undefined) => [
      ...(piece === undefined ? [] : [message.isChunked ? asChunk(piece) : piece]),
      ...(message.isChunked && answer.isOver ? [LAST_CHUNK] : []),
    ];
    const beginning = [message.head, ...framed(answer.nextBuffered())];
    // Up to here another answer could be given.
    this.#status = response.status;
    await writeTogether(client, beginning);
    while (!answer.isOver) {
      const piece = await answer.next(() => this.#wait());
      this.#gotBytes();
      await writeTogether(client, framed(piece));
    }
    answer.finish();
    const { reader } = connection;
    return {
      kind: "answered",
      status: response.status,
      isKeptAlive: message.isKeptAlive,
      // More than was announced is not the answer to anything.
      isReusable: response.isKeptAlive && this.#sending === "done" && reader.length === 0,
    };
  }

  async #passWebSocket(response: ResponseHead): Promise<AttemptResult> {
    const { client, connection, request, context } = this.#options;
    const { limits, memory, metrics } = context;
    this.#status = response.status;
    await client.write(clientMessage(response, { request, isKeptAlive: true }).head);
    // The end of what it sends is passed on, and no fault any more.
    client.onFault = undefined;
    metrics.tunnels.add(1);
    try {
      await passTunnel([client, connection], { alarm: this.#alarm, idleMs: limits.tunnelMs, memory });
    } catch {
      // However it ended: it is over for both, and who of them was the first can't be told.
    } finally {
      metrics.tunnels.add(-1);
    }
    return { kind: "answered", status: response.status, isKeptAlive: false, isReusable: false };
  }

  #fail(failure: Failure): void {
    if (this.#isOver || this.#failure !== undefined) return;
    this.#failure = failure;
    // What waits for it rejects.
    this.#options.connection.close();
  }

  #failureOf(error: unknown): Failure {
    const message = error instanceof Error ? error.message : String(error);
    const reason = error instanceof HeadProblem ? `It sent ${message}` : message;
    if (this.#status !== undefined) return { by: "upstream", fault: "cut", reason };
    const isMalformed = error instanceof HeadProblem || error instanceof ConnectionProblem;
    return { by: "upstream", fault: isMalformed ? "malformed" : "broken", reason };
  }
}

async function writeTogether(client: ClientSide, parts: readonly Uint8Array[]): Promise<void> {
  const [first] = parts;
  if (first === undefined) return;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (parts.length === 1) return await client.write(first);
  if (length > JOIN_BYTES) {
    for (const part of parts) await client.write(part);
    return;
  }
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  await client.write(joined);
}
