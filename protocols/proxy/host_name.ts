/** Names of virtual hosts, as clients and configurations write them. */

const HOST = /^(\[[0-9a-f:.]+\]|[0-9a-z_~!$&'()*+,;=%.-]+?)\.?(?::(\d{0,5}))?$/i;

/** What a `Host` says (RFC 9110 section 7.2). */
export interface HostName {
  /** In lower case, without a dot at its end. */
  readonly name: string;
  /** `undefined`: none is said. */
  readonly port: number | undefined;
}

/** @returns `undefined`: this is no host. */
export function parseHost(text: string): HostName | undefined {
  const [, name, digits = ""] = HOST.exec(text) ?? [];
  if (name === undefined) return undefined;
  const port = digits === "" ? undefined : Number(digits);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  return { name: name.toLowerCase(), port };
}

/** Under what a host of a configuration is found. @returns `undefined`: this is no host. */
export function hostKey(text: string): string | undefined {
  const host = parseHost(text);
  if (host === undefined) return undefined;
  return host.port === undefined ? host.name : `${host.name}:${host.port}`;
}

/**
 * The host of a configuration that a request is for: the one with its port, or else the one without any.
 *
 * @param defaultPort What a request means that says no port.
 */
export function findHost<T>(
  hosts: ReadonlyMap<string, T>,
  { name, port }: HostName,
  defaultPort: number,
): T | undefined {
  return hosts.get(`${name}:${port ?? defaultPort}`) ?? hosts.get(name);
}
