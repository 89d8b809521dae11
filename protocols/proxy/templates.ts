import { ConfProblem, type Token } from "./conf_tokens.ts";

/** What variables stand for in a request. */
export interface TemplateValues {
  /** Name of the host that was asked for, without its port. */
  readonly host: string;
  /** The same with the port that was written, if one was. */
  readonly httpHost: string;
  readonly remoteAddress: string;
  /** What the client's `X-Forwarded-For` said; "" for none. */
  readonly forwardedFor: string;
  readonly scheme: "http" | "https";
  readonly target: string;
  /** Host and port of the upstream. */
  readonly proxyHost: string;
}

/** The variables, which are those of nginx. */
const VARIABLES: Readonly<Record<string, (values: TemplateValues) => string>> = {
  host: ({ host }) => host,
  http_host: ({ httpHost }) => httpHost,
  remote_addr: ({ remoteAddress }) => remoteAddress,
  proxy_add_x_forwarded_for: ({ forwardedFor, remoteAddress }) =>
    forwardedFor === "" ? remoteAddress : `${forwardedFor}, ${remoteAddress}`,
  scheme: ({ scheme }) => scheme,
  request_uri: ({ target }) => target,
  proxy_host: ({ proxyHost }) => proxyHost,
};

/** A text with variables in it. */
export type Template = (values: TemplateValues) => string;

/**
 * Reads `$name` and `${name}` in a text.
 *
 * @throws {ConfProblem} A variable is not known, or the text can't be in a header.
 */
export function parseTemplate(word: Token): Template {
  if (!/^[\x20-\x7e]*$/.test(word.text)) throw new ConfProblem("a value that is not ASCII", word);
  const parts: Template[] = [];
  let end = 0;
  for (const match of word.text.matchAll(/\$(?:\{([^}]*)\}?|([A-Za-z0-9_]*))/g)) {
    const [written, braced, bare = ""] = match;
    const name = braced ?? bare;
    const variable = Object.hasOwn(VARIABLES, name) ? VARIABLES[name] : undefined;
    if (variable === undefined) {
      const known = Object.keys(VARIABLES).map((each) => `$${each}`).join(", ");
      throw new ConfProblem(`unknown variable "${written}"; there are ${known}`, {
        line: word.line,
        column: word.column,
      });
    }
    const literal = word.text.slice(end, match.index);
    parts.push(() => literal, variable);
    end = match.index + written.length;
  }
  const rest = word.text.slice(end);
  return (values) => parts.map((part) => part(values)).join("") + rest;
}
