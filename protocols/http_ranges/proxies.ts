import { type Credentials, splitCredentials } from "./credentials.ts";

/** A proxy that requests go through. */
export interface Proxy {
  /** Without brackets. */
  readonly hostname: string;
  readonly port: number;
  readonly credentials: Credentials | undefined;
}

/** What says which proxy to use. */
export interface ProxySettings {
  /** Goes before the environment; `""` is none at all. */
  readonly proxy?: string | undefined;
  /** Reads an environment variable. */
  readonly env: (name: string) => string | undefined;
}

/**
 * The proxy for a URL: the one given, or of `http_proxy`, `https_proxy`, `all_proxy`, unless `no_proxy` has its
 * host. As curl does it, in upper case too, save `HTTP_PROXY`, which a CGI program's client can set by a header.
 *
 * @throws {TypeError} It is no URL of a proxy that can be used.
 */
export function proxyFor(url: URL, { proxy, env }: ProxySettings): Proxy | undefined {
  if (proxy !== undefined) return proxy === "" ? undefined : parseProxy(proxy);
  if (isExempt(url, env("no_proxy") ?? env("NO_PROXY") ?? "")) return undefined;
  const own = url.protocol === "https:" ? env("https_proxy") ?? env("HTTPS_PROXY") : env("http_proxy");
  const chosen = own ?? env("all_proxy") ?? env("ALL_PROXY") ?? "";
  return chosen === "" ? undefined : parseProxy(chosen);
}

/** Reads `[http://][user:password@]host[:port]`; the port is 1080 by default, as curl has it. */
export function parseProxy(text: string): Proxy {
  const parsed = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  // The text is not repeated: it may hold a password.
  if (parsed === null) throw new TypeError("The proxy is no URL; expected http://host:port");
  if (parsed.protocol !== "http:") {
    throw new TypeError(`A proxy is spoken to by http, not by ${parsed.protocol.slice(0, -1)}`);
  }
  const { url, credentials } = splitCredentials(parsed);
  // `URL` leaves a port 80 away; whoever wrote it meant it.
  const port = Number(url.port || (/:80\/?$/.test(text) ? 80 : 1080));
  return { hostname: url.hostname.replace(/^\[|\]$/g, ""), port, credentials };
}

/** `name`, `name:port` or `[address]:port`; what else there is has colons and is an IPv6 address. */
const ENTRY = /^\[?([^:\]]*|(?<=\[)[^\]]*)\]?(?::(\d+))?$/;

/** Whether a list like `localhost,.example.com,10.0.0.1:8080` or `*` has a URL's host. */
function isExempt({ hostname, port, protocol }: URL, list: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const ownPort = port || (protocol === "https:" ? "443" : "80");
  return list.split(/[\s,]+/).filter((each) => each !== "").some((entry) => {
    if (entry === "*") return true;
    const [, name = entry, wantedPort] = ENTRY.exec(entry.toLowerCase()) ?? [];
    const suffix = name.replace(/^\*?\./, "");
    const isSame = host === suffix || (host.endsWith(`.${suffix}`) && !/^[\d.]+$|:/.test(suffix));
    return suffix !== "" && isSame && (wantedPort === undefined || wantedPort === ownPort);
  });
}
