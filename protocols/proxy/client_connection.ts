import { HeadProblem, STATUS_OF_FAULT } from "../../net/http_fields.ts";
import { parseRequestHead, type RequestHead } from "../../net/request_head.ts";
import type { Arrival } from "../../net/tcp_listener.ts";
import { ClientSide } from "./client_side.ts";
import { errorAnswer } from "./error_answer.ts";
import { type Afterwards, Exchange } from "./exchange.ts";
import type { ProxyContext } from "./proxy_context.ts";
import { HEAD_RULES } from "./proxy_limits.ts";

/** One client, whose requests are answered one after the other. */
export class ClientConnection {
  readonly #arrival: Arrival;
  readonly #context: ProxyContext;
  #client: ClientSide | undefined;
  #isWorking = false;
  #isLeaving = false;

  constructor(arrival: Arrival, context: ProxyContext) {
    this.#arrival = arrival;
    this.#context = context;
  }

  /** Serves it to its end. Never rejects. */
  async serve(): Promise<void> {
    const { address } = this.#arrival;
    let stream;
    try {
      stream = await this.#arrival.stream;
    } catch {
      return this.#noteRefusal("handshake");
    }
    const { limits, alarms } = this.#context;
    using client = new ClientSide(stream, { address, limits, alarms });
    this.#client = client;
    try {
      if (await this.#answerAll(client) === "end") await client.linger();
    } catch {
      // It was lost between two requests, or took too long for one: either way there is nobody to tell.
    }
  }

  /** Closes it when nothing is under way, or else after that. */
  leave(): void {
    this.#isLeaving = true;
    if (!this.#isWorking && this.#client?.isIdle !== false) this.close();
  }

  /** At once. */
  close(): void {
    this.#arrival.close();
    this.#client?.close();
  }

  async #answerAll(client: ClientSide): Promise<Exclude<Afterwards, "keep">> {
    while (!this.#isLeaving) {
      const request = await this.#nextRequest(client);
      if (request === undefined || request === "refused") return "end";
      this.#isWorking = true;
      const mayKeepAlive = () => !this.#isLeaving;
      const afterwards = await new Exchange(request, { client, context: this.#context, mayKeepAlive }).run();
      this.#isWorking = false;
      if (afterwards !== "keep") return afterwards;
    }
    return "end";
  }

  async #nextRequest(client: ClientSide): Promise<RequestHead | "refused" | undefined> {
    try {
      const text = await client.readHead();
      return text === undefined ? undefined : parseRequestHead(text, HEAD_RULES);
    } catch (error) {
      if (client.fault?.status === 408) this.#noteRefusal("timeout");
      if (!(error instanceof HeadProblem)) throw error;
      this.#noteRefusal(error.fault, error.message);
      const status = STATUS_OF_FAULT[error.fault];
      await client.write(errorAnswer(status, { method: undefined, isKeptAlive: false, now: new Date() }));
      return "refused";
    }
  }

  #noteRefusal(reason: HeadProblem["fault"] | "handshake" | "timeout", message: string = reason): void {
    this.#context.metrics.refused(reason).increment();
    this.#context.onEvent({ type: "refused", address: this.#arrival.address, reason, message });
  }
}
