import { valuesOf } from "../../net/http_fields.ts";
import type { RequestHead } from "../../net/request_head.ts";
import { Attempt, type AttemptResult, type Failure } from "./attempt.ts";
import type { ClientSide } from "./client_side.ts";
import { errorAnswer } from "./error_answer.ts";
import { isLoop, upstreamHead } from "./forwarded_head.ts";
import { IncomingBody } from "./incoming_body.ts";
import type { ProxyContext } from "./proxy_context.ts";
import {
  BROKEN_ATTEMPTS_MOST,
  POOL_IDLE_MS,
  POOL_IDLE_UNREPEATABLE_MS,
  WHOLE_BODY_BYTES,
} from "./proxy_limits.ts";
import type { Route } from "./routes.ts";
import { CLIENT_GONE, type OwnStatus } from "./status_text.ts";
import type { Unreachable, Upstream, UpstreamConnection } from "./upstream.ts";

/** Methods of which the second time does what the first did (RFC 9110 section 9.2.2). */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** How a request ended. */
interface Outcome {
  readonly status: number;
  readonly isKeptAlive: boolean;
  /** Whether the client got less than it was told. */
  readonly isCut: boolean;
}

/** What is to become of a client's connection. */
export type Afterwards =
  /** It can carry another request. */
  | "keep"
  /** It is closed in order. */
  | "end"
  /** It is closed at once, so that what was cut short does not look whole. */
  | "abort";

/** One request of a client, answered by an upstream or by the proxy itself. */
export class Exchange {
  readonly #request: RequestHead;
  readonly #client: ClientSide;
  readonly #context: ProxyContext;
  readonly #mayKeepAlive: () => boolean;
  readonly #body: IncomingBody;
  readonly #startedMs = performance.now();
  /** The body, where it was read before an upstream is asked. */
  #whole: Uint8Array | undefined;
  /** The last one that was asked, and how often any was. */
  #upstream: Upstream | undefined;
  #attempts = 0;

  constructor(
    request: RequestHead,
    { client, context, mayKeepAlive }: {
      readonly client: ClientSide;
      readonly context: ProxyContext;
      /** Whether the connection is to be kept, as far as that is the proxy's choice. */
      readonly mayKeepAlive: () => boolean;
    },
  ) {
    this.#request = request;
    this.#client = client;
    this.#context = context;
    this.#mayKeepAlive = mayKeepAlive;
    this.#body = new IncomingBody(client.reader, { framing: request.framing, memory: context.memory });
  }

  /** Never rejects. */
  async run(): Promise<Afterwards> {
    const { method, target, host, minor, fields } = this.#request;
    const sentBefore = this.#client.sentBytes;
    let outcome: Outcome;
    try {
      outcome = await this.#answer();
    } catch {
      // Only the client's connection fails here: it wrote down why.
      outcome = { status: this.#client.fault?.status ?? CLIENT_GONE, isKeptAlive: false, isCut: false };
    }
    if (this.#attempts > 1) this.#context.metrics.retries.increment(this.#attempts - 1);
    const end = { status: outcome.status, bytes: this.#client.sentBytes - sentBefore, isCut: outcome.isCut };
    this.#context.metrics.noteRequest(end);
    this.#context.onEvent({
      type: "request",
      address: this.#client.address,
      method,
      target,
      host: host?.name ?? "",
      minor,
      userAgent: valuesOf(fields, "user-agent").join(", "),
      referer: valuesOf(fields, "referer").join(", "),
      ms: performance.now() - this.#startedMs,
      upstream: this.#upstream?.origin,
      attempts: this.#attempts,
      ...end,
    });
    if (outcome.isKeptAlive) return "keep";
    if (outcome.isCut || outcome.status === CLIENT_GONE) return "abort";
    return "end";
  }

  async #answer(): Promise<Outcome> {
    const { method, host } = this.#request;
    const { pseudonym, scheme } = this.#context;
    if (method === "CONNECT") return await this.#refuse(501);
    if (method === "TRACE") return await this.#refuse(405);
    if (isLoop(this.#request, pseudonym)) return await this.#refuse(508);
    const route = host === undefined ? undefined : this.#context.routes().find(host, scheme);
    if (route === undefined) return await this.#refuse(404);
    if (!await this.#readWhole()) return await this.#refuse(400);
    return await this.#askInTurn(route);
  }

  /** Reads a small body. @returns Whether it is well-formed, or not small. @throws The client is gone. */
  async #readWhole(): Promise<boolean> {
    const { framing, expectsContinue } = this.#request;
    if (framing.kind !== "length" || framing.bytes > WHOLE_BODY_BYTES || expectsContinue) return true;
    const whole = new Uint8Array(framing.bytes);
    for (let at = 0; at < whole.length;) {
      const piece = await this.#body.next(() => this.#client.awaitBody());
      this.#client.gotBody();
      if (piece === undefined) return false;
      whole.set(piece, at);
      at += piece.length;
    }
    this.#whole = whole;
    return true;
  }

  /** Asks one upstream after the other, until one has answered, or none may be asked any more. */
  async #askInTurn({ conf, balancer }: Route): Promise<Outcome> {
    const tried = new Set<Upstream>();
    const isRepeatable = IDEMPOTENT.has(this.#request.method) && this.#body.isOver;
    const clientAddress = this.#client.address;
    let status: OwnStatus = 502;
    let broken = 0;
    /** The one whose waiting connection turned out to be closed. */
    let stale: Upstream | undefined;
    for (;;) {
      const upstream = stale ?? balancer.pick({ clientAddress, tried });
      if (upstream === undefined) return await this.#refuse(status);
      this.#upstream = upstream;
      // Counted from here, or all that come while a connection is made would go to the same one.
      upstream.active++;
      try {
        const connection = await this.#connect(upstream, { isFresh: stale !== undefined, isRepeatable });
        stale = undefined;
        if (connection.kind === "unreachable") {
          // Another one can't be asked either.
          if (connection.fault === "exhausted") return await this.#refuse(503);
          tried.add(upstream);
          status = connection.isLate ? 504 : 502;
          continue;
        }
        const result = await this.#attempt(upstream, { connection, route: conf });
        if (result.kind === "answered") {
          if (result.isReusable) upstream.give(connection);
          return { ...result, isCut: false };
        }
        const { failure } = result;
        if (result.status !== undefined || failure.by === "client") {
          return await this.#giveUp(failure, result.status);
        }
        status = failure.fault === "slow" ? 504 : 502;
        if (failure.fault !== "broken" || !isRepeatable || ++broken === BROKEN_ATTEMPTS_MOST) {
          return await this.#refuse(status);
        }
        if (connection.isReused) stale = upstream;
        else tried.add(upstream);
      } finally {
        upstream.active--;
      }
    }
  }

  async #connect(
    upstream: Upstream,
    { isFresh, isRepeatable }: { readonly isFresh: boolean; readonly isRepeatable: boolean },
  ): Promise<UpstreamConnection | Unreachable> {
    const waiting = isFresh || !this.#body.isOver
      ? undefined
      : upstream.take(isRepeatable ? POOL_IDLE_MS : POOL_IDLE_UNREPEATABLE_MS);
    if (waiting !== undefined) return waiting;
    const connection = await upstream.connect();
    if (connection.kind === "unreachable") {
      const { fault, reason } = connection;
      this.#noteFailure(upstream, { by: "upstream", fault, reason });
    }
    return connection;
  }

  async #attempt(
    upstream: Upstream,
    { connection, route }: { readonly connection: UpstreamConnection; readonly route: Route["conf"] },
  ): Promise<AttemptResult> {
    const { fault } = this.#client;
    if (fault !== undefined) {
      upstream.give(connection);
      return { kind: "failed", failure: { by: "client", ...fault }, status: undefined };
    }
    this.#attempts++;
    const { scheme, pseudonym, metrics } = this.#context;
    const head = upstreamHead(this.#request, {
      upstream: upstream.address,
      setHeaders: route.setHeaders,
      clientAddress: this.#client.address,
      scheme,
      pseudonym,
    });
    const result = await new Attempt({
      context: this.#context,
      client: this.#client,
      connection,
      request: this.#request,
      opening: this.#whole === undefined || this.#whole.length === 0 ? head : joined(head, this.#whole),
      body: this.#body,
      mayKeepAlive: this.#mayKeepAlive,
      onAnswer: () => {
        metrics.answerSeconds.observe((performance.now() - this.#startedMs) / 1000);
        if (upstream.health.answered(performance.now())) {
          this.#context.onEvent({ type: "up", upstream: upstream.origin });
        }
      },
    }).run();
    // A connection that was closed while it waited says nothing of the upstream.
    const isFault = result.kind === "failed" && !(connection.isReused && isBroken(result.failure));
    if (isFault) this.#noteFailure(upstream, result.failure);
    return result;
  }

  #noteFailure(upstream: Upstream, failure: Failure): void {
    if (failure.by === "client") return;
    const { fault, reason } = failure;
    const { metrics, onEvent } = this.#context;
    metrics.failures(fault).increment();
    onEvent({ type: "failed", upstream: upstream.origin, fault, reason });
    // It did answer, so that it is up is beyond doubt; or it was not even asked.
    if (fault === "malformed" || fault === "cut" || fault === "exhausted") return;
    if (upstream.health.failed(fault, performance.now())) {
      onEvent({ type: "down", upstream: upstream.origin, reason });
    }
  }

  /** @param status Of the answer that is with the client in part: then nothing else can be said. */
  async #giveUp(failure: Failure, status: number | undefined): Promise<Outcome> {
    if (failure.by === "upstream" || status !== undefined) {
      return { status: status ?? CLIENT_GONE, isKeptAlive: false, isCut: true };
    }
    if (failure.status !== CLIENT_GONE) return await this.#refuse(failure.status);
    return { status: CLIENT_GONE, isKeptAlive: false, isCut: false };
  }

  /** Answers in the proxy's own name. */
  async #refuse(status: OwnStatus): Promise<Outcome> {
    const { method, isKeptAlive } = this.#request;
    const isKept = isKeptAlive && this.#body.isOver && this.#client.fault === undefined &&
      this.#mayKeepAlive();
    // What is behind the body is the next request.
    if (this.#body.isOver) this.#body.finish();
    await this.#client.write(errorAnswer(status, { method, isKeptAlive: isKept, now: new Date() }));
    return { status, isKeptAlive: isKept, isCut: false };
  }
}

function isBroken(failure: Failure): boolean {
  return failure.by === "upstream" && failure.fault === "broken";
}

function joined(head: Uint8Array, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}
