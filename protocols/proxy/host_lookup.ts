import { type HostName, parseHost } from "../../net/host_name.ts";

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
