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
