import { latin1 } from "./latin1.ts";

/** A response as it came over the wire. */
export interface RawResponse {
  readonly status: number;
  /** The head, without its last empty line. */
  readonly head: string;
  readonly headers: Headers;
}

/** A client of HTTP on a TCP connection of its own, which keeps to no rule that the test does not keep to. */
export interface RawClient extends Disposable {
  send(data: string | Uint8Array): Promise<void>;
  /** Reads the head of the next response. Rejects when there is none. */
  readHead(): Promise<RawResponse>;
  /** Reads so many bytes, as text of one character each. Rejects when there are fewer. */
  read(count: number): Promise<string>;
  /** Reads a response whose length its head tells. */
  readResponse(): Promise<RawResponse & { readonly body: string }>;
  /** Reads all that comes until the server closes the connection, in whatever way. */
  readAll(): Promise<string>;
  /** Reads so many bytes, or fewer if the server closes the connection before. */
  readAllUntil(count: number): Promise<string>;
  /** Closes the sending half. */
  end(): Promise<void>;
}

/** Connects a {@linkcode RawClient} to a port of loopback. */
export async function rawClient(port: number): Promise<RawClient> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay();
  const buffer = new Uint8Array(65_536);
  let text = "";
  const readMore = async () => {
    const count = await connection.read(buffer).catch((error: unknown) => {
      if (error instanceof Deno.errors.ConnectionReset) return null;
      throw error;
    });
    if (count === null) return false;
    text += latin1(buffer.subarray(0, count));
    return true;
  };
  const take = (count: number) => {
    const taken = text.slice(0, count);
    text = text.slice(count);
    return taken;
  };
  const client: RawClient = {
    async send(data) {
      const bytes = typeof data === "string" ? Uint8Array.from(data, (each) => each.charCodeAt(0)) : data;
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    },
    async readHead() {
      while (!text.includes("\r\n\r\n")) {
        if (!await readMore()) throw new Error(`The connection ended after ${JSON.stringify(text)}`);
      }
      const head = take(text.indexOf("\r\n\r\n") + 4).slice(0, -4);
      const [first = "", ...lines] = head.split("\r\n");
      const headers = new Headers(lines.map((line) => [
        line.slice(0, line.indexOf(":")),
        line.slice(line.indexOf(":") + 1),
      ]));
      return { status: Number(first.split(" ")[1]), head, headers };
    },
    async read(count) {
      while (text.length < count) {
        if (!await readMore()) throw new Error(`The connection ended after ${text.length} of ${count} bytes`);
      }
      return take(count);
    },
    async readResponse() {
      const response = await client.readHead();
      return { ...response, body: await client.read(Number(response.headers.get("content-length") ?? 0)) };
    },
    async readAll() {
      while (await readMore());
      return take(text.length);
    },
    async readAllUntil(count) {
      while (text.length < count && await readMore());
      return take(count);
    },
    end: () => connection.closeWrite(),
    [Symbol.dispose]: () => connection.close(),
  };
  return client;
}

/** A GET of `site.test`. */
export function get(target = "/", headers = ""): string {
  return `GET ${target} HTTP/1.1\r\nHost: site.test\r\n${headers}\r\n`;
}
