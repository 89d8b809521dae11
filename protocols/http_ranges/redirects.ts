/** Where a redirect leads. */
export type Redirect =
  | {
    readonly kind: "follow";
    readonly url: URL;
    /** Whether user, password and the caller's headers may go along: only to where they were meant for. */
    readonly keepsCredentials: boolean;
  }
  | { readonly kind: "refused"; readonly reason: string };

/** As many as browsers follow (Fetch standard, section 4.4). */
const REDIRECTS_MOST = 20;

/**
 * Decides on a redirect.
 *
 * @param options `trail` are the URLs asked so far, the original first, the one that redirects last.
 * `allowsDowngrade` says whether https may lead to http.
 */
export function followRedirect(
  location: string,
  { trail, allowsDowngrade = false }: {
    readonly trail: readonly [URL, ...URL[]];
    readonly allowsDowngrade?: boolean | undefined;
  },
): Redirect {
  const [original] = trail;
  const current = trail.at(-1) ?? original;
  const url = URL.parse(decoded(location), current);
  if (url === null) return refused(`The server redirects to what is no URL: ${JSON.stringify(location)}`);
  url.hash = "";
  // Whoever wrote the redirect chose them, not the user.
  url.username = "";
  url.password = "";
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    return refused(`The server redirects to ${url.protocol} where only http and https can be fetched`);
  }
  if (current.protocol === "https:" && url.protocol === "http:" && !allowsDowngrade) {
    return refused(
      `The server redirects from https to http, which anybody on the way could read: ${url.host}`,
    );
  }
  if (trail.some(({ href }) => href === url.href)) {
    return refused(`The server redirects in a circle: ${url.origin}${url.pathname}`);
  }
  if (trail.length > REDIRECTS_MOST) return refused(`The server redirects more than ${REDIRECTS_MOST} times`);
  return { kind: "follow", url, keepsCredentials: url.origin === original.origin };
}

/** A URL in UTF-8 that came as one character a byte; many servers don't encode it, and browsers take it. */
function decoded(location: string): string {
  try {
    const bytes = Uint8Array.from(location, (character) => character.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return location;
  }
}

function refused(reason: string): Redirect {
  return { kind: "refused", reason };
}
