/** A server that answers nothing for so long, in milliseconds, is not asked further. */
const ANSWER_MS = 5_000;
/** Of an answer only its first line is read. */
const STATUS_LINE = /^HTTP\/1\.1 (\d{3})/;

/**
 * Why a `wss:` server did not take a WebSocket, asked of it once more by hand: Deno 2.9.6 tries HTTP/2 when
 * HTTP/1.1 has failed, and tells why that failed instead, whether it was the certificate or a 401 before.
 *
 * Answers in the words that Deno has for `ws:`, `status code: 401`, or in those of its TLS,
 * `invalid peer certificate: …`; `undefined` when it finds nothing wrong or is told to stop.
 */
export async function upgradeProblem(
  url: string,
  options: {
    readonly token: string | undefined;
    readonly caCerts: readonly string[];
    readonly signal: AbortSignal;
  },
): Promise<string | undefined> {
  const { hostname, port } = new URL(url);
  try {
    using connection = await Deno.connectTls({
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port || 443),
      caCerts: [...options.caCerts],
      alpnProtocols: ["http/1.1"],
    });
    const close = () => connection.close();
    options.signal.addEventListener("abort", close, { once: true });
    const timer = setTimeout(close, ANSWER_MS);
    try {
      if (options.signal.aborted) return undefined;
      await connection.handshake();
      const status = await askForUpgrade(connection, { url, token: options.token });
      return status === undefined || status === "101" ? undefined : `status code: ${status}`;
    } finally {
      clearTimeout(timer);
      options.signal.removeEventListener("abort", close);
    }
  } catch (error) {
    return error instanceof Deno.errors.InvalidData ? error.message : undefined;
  }
}

async function askForUpgrade(
  connection: Deno.TlsConn,
  { url, token }: { readonly url: string; readonly token: string | undefined },
): Promise<string | undefined> {
  const { host, pathname, search } = new URL(url);
  const lines = [
    `GET ${pathname}${search} HTTP/1.1`,
    `Host: ${host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${crypto.getRandomValues(new Uint8Array(16)).toBase64()}`,
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
  ];
  const request = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
  for (let sent = 0; sent < request.length;) sent += await connection.write(request.subarray(sent));
  const buffer = new Uint8Array(1024);
  let length = 0;
  while (length < 12) {
    const read = await connection.read(buffer.subarray(length));
    if (read === null) break;
    length += read;
  }
  return STATUS_LINE.exec(new TextDecoder().decode(buffer.subarray(0, length)))?.[1];
}
