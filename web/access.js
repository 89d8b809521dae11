/** The server's token: whether one is needed, where it is kept, and how a socket carries it. */

const TOKEN_KEY = "transfer.token";
let token = readToken();

/**
 * Asks the server whether it lets us in.
 *
 * @param {string} [candidate] A token to try instead of the kept one.
 * @returns {Promise<"open" | "refused" | "unknown">} `unknown` when it does not answer the question.
 */
export async function probe(candidate = token) {
  try {
    const answer = await fetch("/api/access", {
      headers: authorization(candidate),
      cache: "no-store",
      credentials: "same-origin",
    });
    await answer.body?.cancel();
    if (answer.status === 401) return "refused";
    return answer.ok ? "open" : "unknown";
  } catch {
    return "unknown";
  }
}

/** Uses `accepted` from now on, until the tab is closed. */
export function keepToken(accepted) {
  token = accepted;
  try {
    sessionStorage.setItem(TOKEN_KEY, accepted);
  } catch {
    // Then it lasts until the next reload.
  }
}

/** Opens a socket to this server, with the token if there is one. */
export function openSocket() {
  const url = new URL("/ws", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return token === ""
    ? new WebSocket(url)
    : new WebSocket(url, ["transfer", `transfer.token.${base64url(token)}`]);
}

/**
 * Asks this server for something, with the token if there is one.
 *
 * @param {string} path
 * @param {RequestInit} [options]
 */
export function askServer(path, options = {}) {
  const headers = { ...options.headers, ...authorization(token) };
  // Without credentials the browser asks nobody for a password when the token is wrong.
  return fetch(path, { cache: "no-store", credentials: "omit", ...options, headers });
}

function authorization(candidate) {
  return candidate === "" ? {} : { Authorization: `Bearer ${asHeader(candidate)}` };
}

function readToken() {
  try {
    return sessionStorage.getItem(TOKEN_KEY) ?? "";
  } catch {
    return "";
  }
}

/** A header holds bytes: each byte of the UTF-8 form becomes one character. */
function asHeader(text) {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

function base64url(text) {
  return btoa(asHeader(text)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
