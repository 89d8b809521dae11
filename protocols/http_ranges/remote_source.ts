import { basicAuthorization, type Credentials, splitCredentials } from "./credentials.ts";
import type { HttpClient, HttpResponse } from "./http_client.ts";
import { followRedirect } from "./redirects.ts";
import type { Header } from "./encoded_request.ts";
import { type Asked, checkResponse, type Verdict } from "./response_check.ts";

/** Headers that say nothing about the user, and go wherever a redirect leads. */
const HARMLESS = new Set(["user-agent", "referer", "accept", "accept-language"]);
/** Names of what is compressed itself, not on the way. */
const COMPRESSED = /\.(gz|tgz|gzip|svgz|taz)$/i;
/** A name with an extension is not that of a web page, unless the extension says so. */
const NO_PAGE = /[^/]\.(?!x?html?$|s?html$|php\d?$|aspx?$|jspx?$|cgi$|pl$|do$)[a-z0-9]{1,8}$/i;

/** Options of {@linkcode RemoteSource}. */
export interface RemoteSourceOptions {
  readonly client: HttpClient;
  /** May hold user and password. */
  readonly url: URL;
  /** Go before those in the URL. */
  readonly credentials?: Credentials | undefined;
  readonly headers: readonly Header[];
  /** Whether https may lead to http. */
  readonly allowsDowngrade: boolean;
  /** Whether any answer is compared with a digest in the end, so that a web page would be found out. */
  readonly isVerified: boolean;
}

/** What a request asks for; what is known of the file is looked up once the answer is there. */
export interface SourceRequest {
  readonly range: { readonly from: number; readonly to: number } | undefined;
  /** `If-Range`. */
  readonly condition: string | undefined;
  /** @returns `undefined` when nobody waits for the answer any more. */
  readonly asked: () => Omit<Asked, "isRedirected" | "refusesPages" | "isCompressedFile"> | undefined;
  readonly signal: AbortSignal;
}

/** An answer, and what it is good for. Its body is to be closed in any case. */
export interface SourceAnswer {
  readonly response: HttpResponse;
  readonly verdict: Exclude<Verdict, { kind: "redirect" | "expired" }>;
  /** Where redirects led. */
  readonly url: URL;
}

/**
 * A place where a file can be had. Redirects are followed by hand: where they led is asked directly the next
 * time, and the URL itself again when that has expired. User, password and headers of the caller go only to
 * the origin of the URL.
 */
export class RemoteSource {
  readonly url: URL;
  readonly #client: HttpClient;
  readonly #headers: readonly Header[];
  readonly #allowsDowngrade: boolean;
  readonly #isVerified: boolean;
  /** The URL, and where it redirected; the last is asked. */
  #trail: readonly [URL, ...URL[]];

  constructor(options: RemoteSourceOptions) {
    const { url, credentials } = splitCredentials(options.url);
    url.hash = "";
    const user = options.credentials ?? credentials;
    this.url = url;
    this.#client = options.client;
    this.#headers = [...options.headers, ...user === undefined ? [] : [basicAuthorization(user)]];
    this.#allowsDowngrade = options.allowsDowngrade;
    this.#isVerified = options.isVerified;
    this.#trail = [url];
  }

  /** @returns `undefined` when nobody waits for it any more. Throws as `HttpClient.open` does. */
  async ask(request: SourceRequest): Promise<SourceAnswer | undefined> {
    let trail = this.#trail;
    // Once is enough: then the answer stands, whatever it is.
    let mayExpire = true;
    for (;;) {
      const url = trail.at(-1) ?? this.url;
      const response = await this.#open(url, request);
      const asked = request.asked();
      if (asked === undefined) {
        response.close();
        return undefined;
      }
      const isRedirected = mayExpire && trail.length > 1;
      const verdict = checkResponse({ ...asked, ...this.#facts(), isRedirected }, response, Date.now());
      if (verdict.kind === "redirect") {
        response.close();
        const redirect = followRedirect(verdict.location, {
          trail: [...trail],
          allowsDowngrade: this.#allowsDowngrade,
        });
        if (redirect.kind === "refused") return { response, verdict: redirect, url };
        trail = [...trail, redirect.url];
      } else if (verdict.kind === "expired") {
        response.close();
        mayExpire = false;
        trail = [this.url];
      } else {
        if (verdict.kind === "ranged" || verdict.kind === "whole") this.#trail = trail;
        return { response, verdict, url };
      }
    }
  }

  #open(url: URL, { range, condition, signal }: SourceRequest): Promise<HttpResponse> {
    const isOwn = url.origin === this.url.origin;
    const headers = isOwn
      ? this.#headers
      : this.#headers.filter(([name]) => HARMLESS.has(name.toLowerCase()));
    const ifRange: readonly Header[] = condition === undefined ? [] : [["If-Range", condition]];
    return this.#client.open({ url, range, headers: [...headers, ...ifRange], signal });
  }

  #facts(): Pick<Asked, "refusesPages" | "isCompressedFile"> {
    const { pathname } = this.url;
    return {
      refusesPages: !this.#isVerified && NO_PAGE.test(pathname),
      isCompressedFile: COMPRESSED.test(pathname),
    };
  }
}
