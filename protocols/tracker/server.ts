import type { HttpAnswer } from "../../net/http_answer.ts";
import type { HttpLimits, HttpRequest } from "../../net/http_connection.ts";
import { listenHttp } from "../../net/http_listener.ts";
import { METRICS_CONTENT_TYPE } from "../../net/metrics.ts";
import { Answer, failure, page } from "./answer.ts";
import { type App, createApp, type PageAsset, type Resource } from "./app.ts";
import type { Call } from "./call.ts";
import { eventResources } from "./event_routes.ts";
import { EventStreams } from "./event_stream.ts";
import { type Denial, Gate } from "./gate.ts";
import { MAX_CONNECTIONS } from "./limits.ts";
import { loginRoutes, unauthorized } from "./login_routes.ts";
import { messageRoutes } from "./message_routes.ts";
import { NotYours } from "./ownership.ts";
import { loginPage, PLAIN_CSS, plainPage } from "./pages.ts";
import { peerRoutes } from "./peer_routes.ts";
import { type RateOptions, Rates, TooMany } from "./rates.ts";
import { Refusal } from "./refusal.ts";
import { Tracker, type TrackerOptions } from "./tracker.ts";
import { TrackerMetrics } from "./tracker_metrics.ts";
import { unopenedDatabase } from "./tracker_schema.ts";
import { type UserHashes, Users } from "./users.ts";

/** Options of {@linkcode startTracker}. */
export interface TrackerServerOptions extends Omit<TrackerOptions, "onCommit"> {
  /** Address or name to listen on. */
  readonly host: string;
  /** Port to listen on; 0 takes a free one. */
  readonly port: number;
  /** A certificate and its private key, as PEM text; `undefined`: no TLS. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** What programs may present instead of a session. */
  readonly token: string | undefined;
  readonly users: UserHashes;
  readonly allowedOrigins: readonly string[];
  readonly behindProxy: boolean;
  readonly rates: RateOptions;
  readonly maxConnectionsPerAddress: number;
  /** The chat page, by URL path; `/` is shown to those who are let in, the others to all. */
  readonly page: ReadonlyMap<string, PageAsset>;
  /** @default Those of `listenHttp`. */
  readonly limits?: Partial<HttpLimits>;
  /** How often streams are sent a sign of life, and looked at whether they may go on. @default 15 s. */
  readonly heartbeatMs?: number;
  readonly onDenied: (denial: Denial) => void;
}

/** A running tracker. */
export interface TrackerServer {
  readonly port: number;
  /** Uses another certificate for the connections to come; those that are open stay. */
  setCertificate(pair: { readonly cert: string; readonly key: string }): void;
  /** Stops: nothing new is taken, streams are ended, what was written is on disk. Takes at most 2 s. */
  close(): Promise<void>;
}

/** Of what docs/protocols.md describes. */
const API_VERSION = "1.0.0";
/** How often it is looked who is silent, and how often what is old is deleted, in milliseconds. */
const EXPIRE_EVERY_MS = 1_000;
const TIDY_EVERY_MS = 10_000;
const HEARTBEAT_MS = 15_000;
/** How long {@linkcode TrackerServer.close} waits for answers under way, in milliseconds. */
const GOODBYE_MS = 2_000;
/** What may be asked without a login or token. */
const OPEN_PATHS: readonly string[] = ["/login", "/logout", "/hello", "/access", "/healthz", "/tracker.css"];

/** What a running tracker is made of. */
interface Parts {
  readonly tracker: Tracker;
  readonly gate: Gate;
  readonly rates: Rates;
  readonly streams: EventStreams;
  readonly metrics: TrackerMetrics;
  readonly app: App;
  readonly openPaths: ReadonlySet<string>;
  readonly options: TrackerServerOptions;
}

/**
 * Starts a tracker.
 *
 * @throws {Error} The database can't be opened, or the address can't be listened on.
 */
export async function startTracker(options: TrackerServerOptions): Promise<TrackerServer> {
  const metrics = new TrackerMetrics();
  const onError = (error: unknown) => {
    metrics.errors.increment();
    options.onError(error);
  };
  const startedAtMs = Date.now();
  const lock = await lockDatabase(options.db);
  const onCommit = metrics.committed.bind(metrics);
  const tracker = openTracker({ ...options, onError, onCommit }, startedAtMs, lock);
  const onDenied = (denial: Denial) => {
    metrics.denied(denial.reason).increment();
    options.onDenied(denial);
  };
  const streams = new EventStreams({
    source: tracker,
    heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS,
    onCut: () => metrics.cut.increment(),
  });
  try {
    let connections = () => 0;
    const scrape = () =>
      metrics.render({
        readers: streams.count,
        connections: connections(),
        sessions: tracker.sessions.count,
        peers: tracker.peers.counts,
      });
    const parts = assemble({ ...options, onDenied }, { tracker, streams, metrics, startedAtMs, scrape });
    const http = await listenHttp({
      ...options,
      maxConnections: MAX_CONNECTIONS,
      handler: (request) => respond(request, parts),
      onRefused: (reason, address) => onDenied({ reason, address }),
      onError,
    });
    connections = () => http.connections;
    const timers = [
      setInterval(() => tracker.expire(Date.now()), EXPIRE_EVERY_MS),
      setInterval(() => tracker.tidy(Date.now()), TIDY_EVERY_MS),
    ];
    const stop = async () => {
      for (const timer of timers) clearInterval(timer);
      streams.close();
      await http.close(GOODBYE_MS);
      parts.rates[Symbol.dispose]();
      tracker[Symbol.dispose]();
      lock[Symbol.dispose]();
    };
    let stopped: Promise<void> | undefined;
    return { port: http.port, setCertificate: http.setCertificate, close: () => stopped ??= stop() };
  } catch (error) {
    streams.close();
    tracker[Symbol.dispose]();
    lock[Symbol.dispose]();
    throw error;
  }
}

/** @throws {Error} Another tracker uses the database. */
async function lockDatabase(db: string): Promise<Disposable> {
  if (db === ":memory:") return { [Symbol.dispose]() {} };
  const file = await Deno.open(`${db}.lock`, { create: true, write: true }).catch((error: unknown) => {
    throw unopenedDatabase(db, error);
  });
  if (await file.tryLock(true)) return { [Symbol.dispose]: () => file.close() };
  file.close();
  throw new Deno.errors.Busy(`The database ${db} is in use by another tracker`);
}

function openTracker(options: TrackerOptions, nowMs: number, lock: Disposable): Tracker {
  try {
    return new Tracker(options, nowMs);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

function assemble(
  options: TrackerServerOptions,
  { tracker, streams, metrics, startedAtMs, scrape }: Pick<Parts, "tracker" | "streams" | "metrics"> & {
    readonly startedAtMs: number;
    readonly scrape: () => string;
  },
): Parts {
  const users = new Users(options.users);
  const rates = new Rates(options.rates);
  const isSecure = options.tls !== undefined;
  const gate = new Gate({ ...options, isSecure, users, sessions: tracker.sessions, startedAtMs });
  const onLogin = (outcome: "granted" | "refused") => metrics.logins(outcome).increment();
  const hasToken = options.token !== undefined;
  const resources = [
    ...pageResources(options.page),
    ...eventResources({ tracker, streams, gate }),
    { path: "/healthz", respond: () => page("ok\n", "text/plain; charset=utf-8") },
    { path: "/metrics", respond: () => page(scrape(), METRICS_CONTENT_TYPE) },
  ];
  const routes = [
    ...peerRoutes(tracker, rates),
    ...messageRoutes(tracker, rates),
    ...loginRoutes({ tracker, users, rates, hasToken, onLogin }),
  ];
  const app = createApp({ routes, resources, version: API_VERSION });
  const openPaths = new Set([...OPEN_PATHS, ...options.page.keys()]);
  openPaths.delete("/");
  return { tracker, gate, rates, streams, metrics, app, openPaths, options };
}

function pageResources(assets: ReadonlyMap<string, PageAsset>): Resource[] {
  const own = new Map<string, PageAsset>([
    ["/", { contentType: "text/html; charset=utf-8", body: plainPage() }],
    ["/tracker.css", { contentType: "text/css; charset=utf-8", body: PLAIN_CSS }],
    ...assets,
  ]);
  return [...own].map(([path, { contentType, body }]) => ({ path, respond: () => page(body, contentType) }));
}

/** Only what has to wait is a promise: most requests are answered at once. */
function respond(request: HttpRequest, parts: Parts): HttpAnswer | Promise<HttpAnswer> {
  const { metrics, options } = parts;
  const finish = ({ code, headerLines, content, takeOver }: Answer): HttpAnswer => {
    metrics.requests(CLASSES[Math.floor(code / 100) - 1] ?? "5").increment();
    return { status: code, headerLines: headerLines + corsLines(request, options), body: content, takeOver };
  };
  let address = request.address;
  const explain = (error: unknown) => finish(refused(error, address, options));
  try {
    const call = parts.gate.call(request, Date.now());
    address = call.address;
    const waiting = parts.rates.request(address);
    const answer = waiting === undefined ? answerTo(call, parts) : waiting.then(() => answerTo(call, parts));
    return answer instanceof Promise ? answer.then(finish).catch(explain) : finish(answer);
  } catch (error) {
    return explain(error);
  }
}

const CLASSES = ["1", "2", "3", "4", "5"] as const;

function answerTo(call: Call, { gate, app, openPaths, options }: Parts): Answer | Promise<Answer> {
  const { method, path: sentPath } = call.request.head;
  const path = withoutSlash(sentPath);
  const methods = app.methodsOf(path);
  if (methods === undefined) return failure(404, "There is nothing at this path");
  if (method === "OPTIONS") return new Answer({ code: 204, headerLines: `Allow: ${methods.join(", ")}\r\n` });
  if (!methods.includes(method === "HEAD" ? "GET" : method)) {
    return failure(405, `Allowed is ${methods.join(", ")}`, `Allow: ${methods.join(", ")}\r\n`);
  }
  if (!openPaths.has(path) && !gate.isLetIn(call)) return notLetIn(call, path, options);
  return app.respond(call, path);
}

/** The answer to a request that was not granted. Faults of the server's own are thrown on. */
function refused(error: unknown, address: string, { onDenied }: TrackerServerOptions): Answer {
  if (!(error instanceof Refusal)) throw error;
  if (error instanceof TooMany) {
    onDenied({ reason: "rate", address });
    return failure(error.status, error.message, `Retry-After: ${error.retryAfterS}\r\n`);
  }
  if (error instanceof NotYours) onDenied({ reason: "bound_peer", address });
  return failure(error.status, error.message);
}

function notLetIn(call: Call, path: string, { page: assets }: TrackerServerOptions): Answer {
  const login = assets.get("/login.html");
  if (path === "/") return page(login?.body ?? loginPage("Log in first"), login?.contentType, 401);
  return unauthorized(call, "Log in, or present the token");
}

function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

/** What lets a page of an allowed origin read the answer; its cookies stay where they are. */
function corsLines({ head }: HttpRequest, { allowedOrigins }: TrackerServerOptions): string {
  const origin = head.headers.get("origin");
  if (origin === undefined || !allowedOrigins.includes(origin)) return "";
  const lines = [`Access-Control-Allow-Origin: ${origin}`, "Vary: Origin"];
  if (head.method === "OPTIONS") {
    lines.push(
      "Access-Control-Allow-Methods: GET, POST, PUT",
      "Access-Control-Allow-Headers: Authorization, Content-Type, Last-Event-ID, X-Peer-Auth",
    );
  }
  return lines.map((line) => `${line}\r\n`).join("");
}
