import type { Header } from "./encoded_request.ts";

/** A user and a password. */
export interface Credentials {
  readonly name: string;
  readonly password: string;
}

/** The header of Basic authentication (RFC 7617), in UTF-8. `Proxy-Authorization` is for a proxy. */
export function basicAuthorization(
  { name, password }: Credentials,
  header: "Authorization" | "Proxy-Authorization" = "Authorization",
): Header {
  return [header, `Basic ${new TextEncoder().encode(`${name}:${password}`).toBase64()}`];
}

/** Takes `user:password@` out of a URL, so that it is sent as a header and never shown. */
export function splitCredentials(
  given: URL,
): { readonly url: URL; readonly credentials: Credentials | undefined } {
  const url = new URL(given);
  const { username, password } = url;
  url.username = "";
  url.password = "";
  if (username === "" && password === "") return { url, credentials: undefined };
  return { url, credentials: { name: plain(username), password: plain(password) } };
}

function plain(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A lone % stands for itself.
  }
}
