import type { IncomingMessage, ServerResponse } from "node:http";
import { API_PATH, listed } from "./download_api.ts";
import { DownloadMetrics } from "./download_metrics.ts";
import { serveApi } from "./download_routes.ts";
import type { CheckUrl } from "./queue_runner.ts";
import { QueueService, type QueueServiceOptions } from "./queue_service.ts";
import { Slots } from "./slots.ts";
import { TextCommands } from "./text_commands.ts";

/** Options of {@linkcode DownloadSide}. */
export interface DownloadSideOptions extends Omit<QueueServiceOptions, "onChange"> {
  /** Answers with a file of the directory; not when there is none of that name. */
  readonly serveFile: (exchange: Exchange, name: string) => Promise<boolean>;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** An event for all who look on. */
interface SideEvent {
  readonly type: "download" | "download-gone";
  readonly data: unknown;
}

/** Where the files are, and the page. */
const FILES_PATH = "/downloads/";
/** URLs that are looked at at a time, over all clients. */
const CHECKS_AT_ONCE = 128;

/** The queue of downloads for the clients of a server: text commands, HTTP and events. */
export class DownloadSide {
  readonly #service: QueueService;
  readonly #metrics = new DownloadMetrics();
  readonly #options: DownloadSideOptions;
  readonly #check: CheckUrl;
  readonly #clients = new Set<TextCommands>();
  #publish: (events: readonly SideEvent[]) => void = () => {};

  constructor(options: DownloadSideOptions) {
    const slots = new Slots(CHECKS_AT_ONCE);
    this.#options = options;
    this.#check = (key, signal) => slots.use(() => options.check(key, signal));
    this.#service = new QueueService({
      ...options,
      check: this.#check,
      onEvent: (event) => {
        this.#metrics.count(event);
        options.onEvent(event);
      },
      onChange: (changed, gone) =>
        this.#publish([
          ...changed.map((data) => ({ type: "download", data }) as const),
          ...gone.map((id) => ({ type: "download-gone", data: { id } }) as const),
        ]),
    });
  }

  /** A client has connected. */
  connect(
    { send }: { readonly send: (text: string) => Promise<void> },
  ): { readonly message: (text: string) => Promise<void>; readonly close: () => void } {
    const client = new TextCommands({ service: this.#service, check: this.#check, send });
    this.#clients.add(client);
    return {
      message: (text) => client.message(text),
      close: () => {
        client.close();
        this.#clients.delete(client);
      },
    };
  }

  /** What answers a path; `undefined`: nothing here does. */
  route(path: string): ((exchange: Exchange) => Promise<void>) | undefined {
    if (path === API_PATH || path.startsWith(`${API_PATH}/`)) {
      return (exchange) => serveApi(exchange, this.#service);
    }
    if (path.startsWith(FILES_PATH)) return (exchange) => this.#serveFile(exchange, path);
    return undefined;
  }

  snapshot(): { readonly downloads: unknown } {
    return { downloads: listed(this.#service) };
  }

  /** Its metrics of this moment, in Prometheus' text format. */
  scrape(): string {
    return this.#metrics.render(this.#service);
  }

  follow(publish: (events: readonly SideEvent[]) => void): void {
    this.#publish = publish;
  }

  /** Lets go of all clients, and stops all downloads, each keeping what it has. */
  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.#service.close();
  }

  async #serveFile(exchange: Exchange, path: string): Promise<void> {
    const { request, response } = exchange;
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { Allow: "GET, HEAD" }).end();
      return;
    }
    const name = decoded(path.slice(FILES_PATH.length));
    if (name !== undefined && await this.#options.serveFile(exchange, name)) return;
    response.writeHead(404, { "Content-Type": "text/plain; charset=utf-8" }).end("Not found\n");
  }
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
