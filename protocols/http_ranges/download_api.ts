import { z } from "zod";
import { safeRelativePath } from "../../store/safe_name.ts";
import { parseDownloadUrl } from "./download_url.ts";
import type { DownloadRequest, QueueItem } from "./queue_item.ts";
import type { Wish } from "./queue_rules.ts";
import type { QueueService } from "./queue_service.ts";
import type { DownloadView } from "./queue_view.ts";

/** The path of the API. */
export const API_PATH = "/api/downloads";
/** Longest body that is read, in bytes. */
export const MOST_BODY_BYTES = 4 * 1024 * 1024;
/** Most URLs of one request, and most items of one answer. */
const MOST_URLS = 1000;
const LISTED_MOST = 1000;

/** A request to the API. */
export interface ApiRequest {
  readonly method: string;
  /** Below {@linkcode API_PATH}: empty, `/7`, `/7/pause` or `/pause`. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Reads the body. */
  readonly text: () => Promise<string>;
}

/** An answer of the API; `body` becomes JSON. */
export interface ApiAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const addition = z.strictObject({
  urls: z.array(z.string()).min(1).max(MOST_URLS),
  checksum: z.string().regex(/^sha-256=[0-9a-f]{64}$/i, 'not "sha-256=" and 64 hexadecimal digits')
    .optional(),
  // One name, not a path: what is fetched lies in the directory itself.
  name: z.string().min(1).max(255).regex(/^[^/\\]+$/, "not the name of a file")
    .transform((name) => name.normalize("NFC"))
    .refine((name) => safeRelativePath(name) === name, "not a name that every system takes").optional(),
}).refine(({ urls, checksum, name }) => urls.length === 1 || (checksum ?? name) === undefined, {
  message: "checksum and name are for one URL",
});

/** What can be asked of one item, or of all that it makes sense for, by the last part of the path. */
const WISHES: ReadonlyMap<string, Wish> = new Map([
  ["pause", "pause"],
  ["resume", "resume"],
  ["retry", "retry"],
]);

/** Answers a request to `/api/downloads` and what is below it. */
export async function answerApi(request: ApiRequest, service: QueueService): Promise<ApiAnswer> {
  const { method, path, query } = request;
  const [resource, digits, verb] = /^(?:\/(\d{1,15}))?(?:\/([a-z]+))?$/.exec(path) ?? [];
  const wish = WISHES.get(verb ?? "");
  if (resource === undefined || (verb !== undefined && wish === undefined)) return NOT_FOUND;
  if (wish !== undefined && method !== "POST") return notAllowed("POST");
  if (digits === undefined) {
    if (wish !== undefined) return { status: 200, body: { changed: await service.wishOfAll(wish) } };
    if (method === "POST") return await add(await request.text(), service);
    if (method === "DELETE") return { status: 200, body: { changed: await service.wishOfAll("forget") } };
    return method === "GET" ? list(query, service) : notAllowed("GET, POST, DELETE");
  }
  const item = service.get(Number(digits));
  if (wish !== undefined) return await grant(item, wish, service);
  if (method === "GET") return item === undefined ? NOT_FOUND : { status: 200, body: service.view(item) };
  return method === "DELETE" ? await remove(item, service) : notAllowed("GET, DELETE");
}

const NOT_FOUND: ApiAnswer = { status: 404, body: { error: "There is no such download" } };

function notAllowed(allow: string): ApiAnswer {
  return { status: 405, headers: { Allow: allow }, body: { error: `Allowed is ${allow}` } };
}

async function add(text: string, service: QueueService): Promise<ApiAnswer> {
  const parsed = addition.safeParse(parseJson(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return refusal(400, [issue?.path.join("."), issue?.message ?? "not valid"].filter(Boolean).join(": "));
  }
  const { urls, checksum, name } = parsed.data;
  const requests: DownloadRequest[] = [];
  for (const url of urls.map((each) => each.trim())) {
    const key = parseDownloadUrl(url);
    if (key === undefined) return refusal(400, `Not an http or https URL without user and password: ${url}`);
    const sha256 = checksum?.slice("sha-256=".length).toLowerCase();
    requests.push({ url, key, name, sha256, isChecked: false });
  }
  const there = await Promise.all(requests.map((request) => findFetched(request, service)));
  const wanted = requests.filter((_, i) => there[i] === undefined);
  if (wanted.length > service.room) {
    return refusal(503, `The queue has room for ${service.room} more downloads`);
  }
  const added = [...await service.add(wanted)];
  const items = there.map((item) => item ?? added.shift());
  return { status: 201, body: items.flatMap((item) => item === undefined ? [] : service.view(item)) };
}

/** What was fetched before and is still there. */
async function findFetched(
  { key, name, sha256 }: DownloadRequest,
  service: QueueService,
): Promise<QueueItem | undefined> {
  const item = service.find(key);
  if (item?.state.kind !== "done" || name !== undefined) return undefined;
  if (sha256 !== undefined && sha256 !== item.state.sha256) return undefined;
  return await service.fileOf(item) === undefined ? undefined : item;
}

/** What is under way, what comes next, what was fetched last: in this order, as far as there is room. */
export function listed(service: QueueService, most: number = LISTED_MOST): readonly DownloadView[] {
  const unfinished = [...service.active, ...service.waiting, ...service.paused];
  return [...unfinished.slice(0, most), ...service.over.slice(0, Math.max(0, most - unfinished.length))]
    .map((item) => service.view(item));
}

function list(query: URLSearchParams, service: QueueService): ApiAnswer {
  const limit = query.get("limit") ?? String(LISTED_MOST);
  const most = /^\d{1,6}$/.test(limit) ? Number(limit) : 0;
  if (most < 1) return refusal(400, "limit: not a number from 1 on");
  return { status: 200, body: listed(service, most) };
}

async function grant(item: QueueItem | undefined, wish: Wish, service: QueueService): Promise<ApiAnswer> {
  if (item === undefined) return NOT_FOUND;
  if (!await service.wish(item.id, wish)) {
    return refusal(409, `A download that is ${service.view(item).state} can't be asked to ${wish}`);
  }
  const now = service.get(item.id);
  return now === undefined ? NOT_FOUND : { status: 200, body: service.view(now) };
}

/** What is not over is cancelled and stays in the list; what is over is taken off it, and its file stays. */
async function remove(item: QueueItem | undefined, service: QueueService): Promise<ApiAnswer> {
  if (item === undefined) return NOT_FOUND;
  if (await service.wish(item.id, "cancel")) {
    const now = service.get(item.id);
    return now === undefined ? { status: 204 } : { status: 200, body: service.view(now) };
  }
  if (await service.wish(item.id, "forget")) return { status: 204 };
  return refusal(409, "The download is about to be cancelled");
}

function refusal(status: number, error: string): ApiAnswer {
  return { status, body: { error } };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
