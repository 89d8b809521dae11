import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { Denial } from "../../protocols/tracker/gate.ts";
import {
  startTracker,
  type TrackerServer,
  type TrackerServerOptions,
} from "../../protocols/tracker/server.ts";

/** A real tracker on a free port of loopback, its database in memory. */
export interface TestTracker extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly server: TrackerServer;
  readonly denials: readonly Denial[];
  readonly errors: readonly unknown[];
  /** Sends JSON. @returns The status and the answer's object. */
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<TrackerAnswer>;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<TrackerAnswer>;
}

/** An answer of the tracker. */
export interface TrackerAnswer {
  readonly status: number;
  readonly headers: Headers;
  // deno-lint-ignore no-explicit-any
  readonly body: any;
}

/** Starts a {@linkcode TestTracker}. */
export async function testTracker(options: Partial<TrackerServerOptions> = {}): Promise<TestTracker> {
  const denials: Denial[] = [];
  const errors: unknown[] = [];
  const server = await startTracker({
    host: "127.0.0.1",
    port: 0,
    db: ":memory:",
    tls: undefined,
    token: undefined,
    users: new Map(),
    allowedOrigins: [],
    behindProxy: false,
    rates: { perAddress: 100, perPeer: 20 },
    maxConnectionsPerAddress: 256,
    peerTtlMs: 90_000,
    historyCount: 10_000,
    historyMs: 86_400_000,
    page: new Map(),
    onDenied: (denial) => void denials.push(denial),
    onError: (error) => void errors.push(error),
    ...options,
  });
  const url = `http${options.tls === undefined ? "" : "s"}://127.0.0.1:${server.port}`;
  const ask = async (path: string, init: RequestInit) => {
    const response = await fetch(`${url}${path}`, init);
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json");
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  };
  return {
    url,
    port: server.port,
    server,
    denials,
    errors,
    post: (path, body, headers = {}) =>
      ask(path, {
        method: "POST",
        body: typeof body === "string" ? body : JSON.stringify(body),
        headers: { "content-type": "application/json", ...headers },
      }),
    get: (path, headers = {}) => ask(path, { headers }),
    async [Symbol.asyncDispose]() {
      await server.close();
    },
  };
}

/** Sends bytes as they are. @returns All that comes back until the other side ends. */
export async function exchange(port: number, ...pieces: readonly string[]): Promise<string> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  for (const piece of pieces) {
    for (let rest = new TextEncoder().encode(piece); rest.length > 0;) {
      try {
        rest = rest.subarray(await conn.write(rest));
      } catch {
        break; // It answers before it has read all.
      }
    }
  }
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let text = "";
  for (;;) {
    const count = await conn.read(buffer).catch(() => null);
    if (count === null) return text;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}

/** Somebody with a key, who knows the protocol's page and nothing of this project's code. */
export interface Signer {
  /** The value of `X-Peer-Auth` for a request. */
  auth(
    method: string,
    target: string,
    body?: string,
    changes?: { readonly ts?: number; readonly nonce?: string },
  ): string;
}

/** Makes a {@linkcode Signer} with a new key. */
export function signer(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const { x } = publicKey.export({ format: "jwk" });
  return {
    auth(method, target, body = "", { ts = Date.now(), nonce = randomBytes(16).toString("base64url") } = {}) {
      const digest = createHash("sha256").update(body).digest("hex");
      const signed = ["transfer-tracker v1", method, target, ts, nonce, digest].join("\n");
      const signature = sign(null, new TextEncoder().encode(signed), privateKey);
      return `v1 ${x} ${ts} ${nonce} ${signature.toString("base64url")}`;
    },
  };
}
