import type { DownloadServer } from "./download_server.ts";
import { readEvents } from "./event_reader.ts";

/** A download as the API tells of it. */
export interface Item {
  readonly id: number;
  readonly url: string;
  readonly state: string;
  readonly bytes: number | null;
  readonly received: number;
  readonly threads: number;
  readonly name?: string;
  readonly path?: string;
  readonly error?: string;
}

/** Asks the API. @returns Its answer, parsed. */
export async function ask(
  url: string,
  method = "GET",
  body?: unknown,
  // deno-lint-ignore no-explicit-any
): Promise<{ readonly status: number; readonly body: any }> {
  const response = await fetch(url, {
    method,
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
}

/** Follows the events until an item is as wanted. */
export async function until(
  server: DownloadServer,
  id: number,
  wanted: (item: Item) => boolean,
): Promise<Item> {
  await using reader = await readEvents(`${server.server.url}/api/events`);
  for (;;) {
    const event = await reader.next();
    const items: Item[] = event?.type === "snapshot" ? event.data.downloads : [event?.data];
    const found = items.find((item) => item.id === id);
    if (found !== undefined && wanted(found)) return found;
  }
}
