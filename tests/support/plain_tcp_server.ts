/**
 * A server of the plain TCP file protocol as the many small programs are, written from docs/protocols.md and
 * knowing nothing of this project's code: one receive is one request.
 */
export interface PlainTcpServer extends AsyncDisposable {
  readonly port: number;
  /** Requests as they came, over all connections. */
  readonly requests: readonly string[];
  /** Connections that are open, and how many there have been. */
  readonly open: number;
  readonly connections: number;
  /** What it has; may be changed while it runs. */
  readonly files: Map<string, Uint8Array>;
}

/** What a request is answered; `"hang up"` ends the connection, `"silence"` says nothing. */
export type PlainAnswer = Uint8Array | "hang up" | "silence";

/** Changes an honest answer; `index` counts the requests of the server from 0. */
export type PlainTweak = (
  answer: PlainAnswer,
  request: { readonly text: string; readonly index: number },
) => PlainAnswer | Promise<PlainAnswer>;

const RECEIVE_BYTES = 1024;
const UNITS = ["B", "KB", "MB", "GB", "TB"];
const encoder = new TextEncoder();

/** Starts one on a port of loopback, a free one by default. */
export function plainTcpServer(
  files: Readonly<Record<string, Uint8Array>>,
  tweak: PlainTweak = (answer) => answer,
  port = 0,
): PlainTcpServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  const open = new Set<Deno.TcpConn>();
  const requests: string[] = [];
  const served = new Map(Object.entries(files));
  let connections = 0;

  const serve = async (conn: Deno.TcpConn) => {
    const list = [...served].map(([name, bytes]) => `${name} ${sizeText(bytes.length)}\n`).join("");
    if (list !== "") await writeAll(conn, encoder.encode(list));
    const buffer = new Uint8Array(RECEIVE_BYTES);
    for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
      const text = new TextDecoder().decode(buffer.subarray(0, count));
      const index = requests.push(text) - 1;
      const answer = await tweak(answerTo(text, served), { text, index });
      if (answer === "hang up") return;
      if (answer !== "silence") await writeAll(conn, answer);
    }
  };
  const accept = async () => {
    for await (const conn of listener) {
      connections++;
      open.add(conn);
      void serve(conn).catch(isGone).finally(() => {
        if (open.delete(conn)) conn.close();
      });
    }
  };
  const accepting = accept().catch(isGone);
  return {
    port: listener.addr.port,
    requests,
    files: served,
    get open() {
      return open.size;
    },
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const conn of open) conn.close();
      open.clear();
      await accepting;
    },
  };
}

/** What an honest server answers to a request. */
function answerTo(request: string, files: ReadonlyMap<string, Uint8Array>): PlainAnswer {
  const [name = "", range, ...more] = request.split("|");
  if (more.length > 0) return encoder.encode("Invalid request format.");
  const bytes = files.get(name);
  if (bytes === undefined) return encoder.encode(`File ${name} not found.`);
  if (range === undefined) return encoder.encode(String(bytes.length));
  const [start, end] = range.split("-").map((text) => /^\d+$/.test(text) ? Number(text) : NaN);
  if (start === undefined || end === undefined || Number.isNaN(start + end)) {
    return encoder.encode("Invalid range format.");
  }
  return bytes.subarray(start, Math.max(start, end));
}

function sizeText(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${size.toFixed(3)}${UNITS[unit]}`;
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** A client that has gone is no failure of the server. */
function isGone(error: unknown): void {
  const isExpected = error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted ||
    error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
  if (!isExpected) throw error;
}
