import { ConfProblem, type Place, type Token, tokenize } from "./conf_tokens.ts";
import { hostKey } from "./host_lookup.ts";
import { parseTemplate, type Template } from "./templates.ts";

/** How requests of a host are given out among its upstreams. */
export const POLICIES = ["round-robin", "least-conn", "random", "ip-hash"] as const;
export type Policy = typeof POLICIES[number];

/** A server that requests are passed to. */
export interface UpstreamAddress {
  /** `http://192.168.56.210:9002`: what tells it from others. */
  readonly origin: string;
  readonly isSecure: boolean;
  /** Host and port, as in a URL: without the port where that is the scheme's own. */
  readonly authority: string;
  /** A name, or an address without brackets. */
  readonly hostname: string;
  readonly port: number;
}

/** A header that is set on requests, in place of what the client sent. */
export interface SetHeader {
  readonly name: string;
  readonly value: Template;
}

/** A virtual host. */
export interface HostConf {
  /** As it is written. */
  readonly name: string;
  readonly policy: Policy;
  /** At least one. */
  readonly upstreams: readonly UpstreamAddress[];
  readonly setHeaders: readonly SetHeader[];
}

/** A configuration: its hosts by what {@linkcode hostKey} makes of their names. */
export type ProxyConf = ReadonlyMap<string, HostConf>;

const DIRECTIVES = ["proxy_pass", "proxy_set_header", "dist_policy"] as const;
/** What the proxy itself has to decide, or a request would end elsewhere for the upstream than for the proxy. */
const NOT_SETTABLE = /^(?:connection|content-length|keep-alive|te|trailer|transfer-encoding|upgrade|via)$/i;
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * Reads a configuration:
 *
 * ```
 * host "app.local" {                      # any port; "app.local:8080": that one
 *     proxy_pass http://127.0.0.1:9001;
 *     proxy_pass http://127.0.0.1:9002;
 *     proxy_set_header Host $host;
 *     dist_policy least-conn
 * }
 * ```
 *
 * @throws {AggregateError} Of {@linkcode ConfProblem}s, in the order of the text.
 */
export function parseConf(text: string): ProxyConf {
  const problems: ConfProblem[] = [];
  const conf = new Map<string, HostConf>();
  try {
    new Parser(tokenize(text), { conf, problems }).parse();
  } catch (error) {
    if (!(error instanceof ConfProblem)) throw error;
    problems.push(error);
  }
  if (conf.size === 0 && problems.length === 0) {
    problems.push(new ConfProblem("no host", { line: 1, column: 1 }));
  }
  problems.sort(({ place: one }, { place: other }) => one.line - other.line || one.column - other.column);
  if (problems.length > 0) throw new AggregateError(problems, "The configuration has mistakes");
  return conf;
}

interface OpenHost {
  readonly upstreams: UpstreamAddress[];
  readonly setHeaders: SetHeader[];
  policy: Policy | undefined;
  /** Whether there is a proxy_pass, be it one with a mistake. */
  hasPass: boolean;
}

/**
 * One pass over the tokens. What is wrong within a directive is noted, and reading goes on behind it; what makes
 * it unclear where one ends is thrown.
 */
class Parser {
  readonly #tokens: readonly Token[];
  readonly #conf: Map<string, HostConf>;
  readonly #problems: ConfProblem[];
  #at = 0;

  constructor(
    tokens: readonly Token[],
    { conf, problems }: { readonly conf: Map<string, HostConf>; readonly problems: ConfProblem[] },
  ) {
    this.#tokens = tokens;
    this.#conf = conf;
    this.#problems = problems;
  }

  parse(): void {
    for (let token = this.#take(); token.kind !== "end"; token = this.#take()) {
      if (token.kind === ";") continue;
      if (token.kind === "}") throw new ConfProblem('a "}" without its "{"', token);
      if (token.text !== "host") {
        const isKnown = DIRECTIVES.some((each) => each === token.text);
        throw new ConfProblem(
          isKnown
            ? `"${token.text}" outside of a host`
            : `unknown "${token.text}" where a host "NAME" { … } may stand`,
          token,
        );
      }
      this.#host(token);
    }
  }

  #take(): Token {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new RangeError("Nothing comes after the end");
    if (token.kind !== "end") this.#at++;
    return token;
  }

  #note(message: string, place: Place): void {
    this.#problems.push(new ConfProblem(message, place));
  }

  #host(keyword: Token): void {
    const name = this.#take();
    if (name.kind !== "word") throw new ConfProblem('a name should follow "host"', name);
    const opening = this.#take();
    if (opening.kind !== "{") throw new ConfProblem(`a "{" should follow host "${name.text}"`, opening);
    const host: OpenHost = { upstreams: [], setHeaders: [], policy: undefined, hasPass: false };
    for (let token = this.#take(); token.kind !== "}"; token = this.#take()) {
      if (token.kind === ";") continue;
      if (token.kind === "end") {
        throw new ConfProblem(`the "{" of host "${name.text}" is not closed`, opening);
      }
      if (token.kind === "{") throw new ConfProblem('a "{" within a host', token);
      if (token.text === "host") throw new ConfProblem('a host within a host: is a "}" missing?', token);
      this.#directive(host, { name: token, words: this.#wordsOf(token) });
    }
    if (!host.hasPass) this.#note(`host "${name.text}" has no proxy_pass`, keyword);
    this.#add(name, host);
  }

  /** The words of a directive up to its `;`, which may be missing before a `}`. */
  #wordsOf(name: Token): readonly Token[] {
    const words: Token[] = [];
    for (;;) {
      const token = this.#tokens[this.#at];
      if (token === undefined || token.kind === "}" || token.kind === "end") return words;
      if (token.kind === "{") throw new ConfProblem(`a "{" in "${name.text}"`, token);
      this.#at++;
      if (token.kind === ";") return words;
      const startsLine = token.line > name.line;
      if (startsLine && token.text === "host") throw new ConfProblem('a "}" is missing before "host"', token);
      if (startsLine && DIRECTIVES.some((each) => each === token.text)) {
        throw new ConfProblem(`a ";" is missing before "${token.text}"`, token);
      }
      words.push(token);
    }
  }

  #directive(
    host: OpenHost,
    { name, words }: { readonly name: Token; readonly words: readonly Token[] },
  ): void {
    try {
      switch (name.text) {
        case "proxy_pass":
          host.hasPass = true;
          return void this.#proxyPass(host, only(name, words, "one URL"));
        case "dist_policy":
          if (host.policy !== undefined) throw new ConfProblem("a second dist_policy", name);
          return void (host.policy = policyOf(only(name, words, "one policy")));
        case "proxy_set_header":
          return void host.setHeaders.push(setHeaderOf(name, words));
        default:
          throw new ConfProblem(`unknown directive "${name.text}"; there are ${DIRECTIVES.join(", ")}`, name);
      }
    } catch (error) {
      if (!(error instanceof ConfProblem)) throw error;
      this.#problems.push(error);
    }
  }

  #proxyPass({ upstreams }: OpenHost, word: Token): void {
    const address = upstreamOf(word);
    if (upstreams.some(({ origin }) => origin === address.origin)) {
      throw new ConfProblem(`a second proxy_pass to ${address.origin}`, word);
    }
    upstreams.push(address);
  }

  #add(name: Token, { policy = "round-robin", upstreams, setHeaders }: OpenHost): void {
    const key = hostKey(name.text);
    if (key === undefined) return this.#note(`"${name.text}" is no host name with or without a port`, name);
    if (this.#conf.has(key)) return this.#note(`a second host "${name.text}"`, name);
    this.#conf.set(key, { name: name.text, policy, upstreams, setHeaders });
  }
}

function only(name: Token, words: readonly Token[], what: string): Token {
  const [word, extra] = words;
  if (word === undefined) throw new ConfProblem(`"${name.text}" needs ${what}`, name);
  if (extra !== undefined) {
    throw new ConfProblem(`"${name.text}" takes ${what}: is a ";" missing before "${extra.text}"?`, extra);
  }
  return word;
}

function policyOf(word: Token): Policy {
  const found = POLICIES.find((each) => each === word.text);
  if (found === undefined) {
    throw new ConfProblem(`unknown policy "${word.text}"; there are ${POLICIES.join(", ")}`, word);
  }
  return found;
}

function setHeaderOf(directive: Token, words: readonly Token[]): SetHeader {
  const [name, value, extra] = words;
  if (name === undefined || value === undefined) {
    throw new ConfProblem('"proxy_set_header" needs a name and a value', name ?? directive);
  }
  if (extra !== undefined) {
    throw new ConfProblem('a value of several words needs quotes, or a ";" is missing', extra);
  }
  if (!FIELD_NAME.test(name.text)) throw new ConfProblem(`"${name.text}" is no name of a header`, name);
  if (NOT_SETTABLE.test(name.text)) {
    throw new ConfProblem(`"${name.text}" is the proxy's own and can't be set`, name);
  }
  return { name: name.text, value: parseTemplate(value) };
}

function upstreamOf(word: Token): UpstreamAddress {
  const url = URL.parse(word.text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new ConfProblem(`"${word.text}" is no URL such as http://192.168.1.10:9000`, word);
  }
  if (url.username !== "" || url.password !== "") {
    throw new ConfProblem("a URL with a user or password", word);
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw new ConfProblem("a URL with a path: requests keep the path that they came with", word);
  }
  if (url.port === "0") throw new ConfProblem("a URL with port 0", word);
  const isSecure = url.protocol === "https:";
  return {
    origin: url.origin,
    isSecure,
    authority: url.host,
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (isSecure ? 443 : 80) : Number(url.port),
  };
}
