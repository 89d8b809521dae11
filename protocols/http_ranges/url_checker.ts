import type { UrlVerdict } from "./command_session.ts";
import type { ConnectOptions } from "./connect.ts";
import { HttpClient, type HttpResponse } from "./http_client.ts";
import { followRedirect } from "./redirects.ts";
import { judgeHead, mayDislikeRange } from "./url_check.ts";

/** All attempts and redirects of one check together, in milliseconds. */
const CHECK_MS = 20_000;
const FIRST_BYTE = { from: 0, to: 1 } as const;

/** Looks whether URLs lead to files, by asking for the first byte of each. */
export class UrlChecker implements Disposable {
  readonly #client: HttpClient;

  /** @param options Every address is checked, on redirects too, if `admitAddress` says so. */
  constructor(options: ConnectOptions) {
    this.#client = new HttpClient(options);
  }

  /** Never rejects. */
  async check(url: string, signal: AbortSignal): Promise<UrlVerdict> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(CHECK_MS)]);
    try {
      const first = new URL(url);
      return await this.#follow([first], limit);
    } catch (error) {
      const isLate = limit.aborted && !signal.aborted;
      const reason = error instanceof Error ? error.message : String(error);
      return { kind: "unreachable", reason: isLate ? `No answer within ${CHECK_MS / 1000} s` : reason };
    }
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }

  async #follow(trail: readonly [URL, ...URL[]], signal: AbortSignal): Promise<UrlVerdict> {
    const [original] = trail;
    const url = trail.at(-1) ?? original;
    let head = await this.#head(url, { range: FIRST_BYTE, signal });
    if (judgeHead(head).kind === "unreachable" && mayDislikeRange(head.status)) {
      head = await this.#head(url, { range: undefined, signal });
    }
    const location = locationOf(head);
    return location === undefined ? judgeHead(head) : await this.#redirected(location, { trail, signal });
  }

  async #redirected(
    location: string,
    { trail, signal }: { readonly trail: readonly [URL, ...URL[]]; readonly signal: AbortSignal },
  ): Promise<UrlVerdict> {
    const redirect = followRedirect(location, { trail });
    if (redirect.kind === "refused") return { kind: "unreachable", reason: redirect.reason };
    return await this.#follow([...trail, redirect.url], signal);
  }

  /** The head of an answer, whose body is not wanted. */
  async #head(
    url: URL,
    { range, signal }: {
      readonly range: { readonly from: number; readonly to: number } | undefined;
      readonly signal: AbortSignal;
    },
  ): Promise<Pick<HttpResponse, "status" | "headers">> {
    const { status, headers, close } = await this.#client.open({ url, range, signal });
    close();
    return { status, headers };
  }
}

function locationOf({ status, headers }: Pick<HttpResponse, "status" | "headers">): string | undefined {
  if (![301, 302, 303, 307, 308].includes(status)) return undefined;
  return headers.get("location") ?? undefined;
}
