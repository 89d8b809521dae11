import { encodeFrame, FRAME, type Frame, type FrameType } from "../../protocols/tcp_file/frames.ts";
import { FrameReader } from "../../protocols/tcp_file/frame_reader.ts";
import { encodeHello, type Greeted, GreetingReader } from "../../protocols/tcp_file/hello.ts";
import { decodeListPage } from "../../protocols/tcp_file/list_pages.ts";
import type { CatalogueEntry } from "../../store/catalogue_entries.ts";
import {
  type DataBlock,
  decodeData,
  decodeError,
  decodeRootAnswer,
  encodeGet,
  encodeListRequest,
  encodeRootRequest,
  type Refusal,
  type RootAnswer,
} from "../../protocols/tcp_file/messages.ts";

/** A client of XFER/1 that does one thing at a time, exactly as it is told: also what it should not. */
export interface FrameClient extends Disposable {
  readonly greeting: Extract<Greeted, { kind: "xfer" }>;
  /** The client's own. */
  readonly nonce: Uint8Array;
  /** Writes bytes as they are. */
  write(bytes: Uint8Array): Promise<void>;
  send(type: FrameType, payload?: Uint8Array, request?: number): Promise<void>;
  /** The next frame, with a payload of its own; `undefined`: the server has hung up. */
  frame(): Promise<Frame | undefined>;
  /** Asks for bytes of a file, and takes the answer. */
  get(path: string, offset?: number, length?: number): Promise<DataBlock[] | Refusal>;
  list(path?: string): Promise<CatalogueEntry[] | Refusal>;
  root(path: string): Promise<RootAnswer | Refusal>;
}

/** Connects to a port of loopback, and says hello. */
export async function frameClient(
  port: number,
  connect: (port: number) => Promise<Deno.Conn> = (port) => Deno.connect({ hostname: "127.0.0.1", port }),
): Promise<FrameClient> {
  const conn = await connect(port);
  const nonce = crypto.getRandomValues(new Uint8Array(16));
  const write = async (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
  };
  try {
    await write(encodeHello(nonce));
    const greeting = await greet(conn, nonce);
    const reader = new FrameReader({ sender: "server", first: greeting.rest });
    const frame = () => nextFrame(conn, reader);
    let requests = 0;
    const send = (type: FrameType, payload?: Uint8Array, request = ++requests) =>
      write(encodeFrame({ type, request, isEnd: false }, payload));
    const ask = async (type: FrameType, payload: Uint8Array): Promise<Frame[] | Refusal> => {
      await send(type, payload);
      const frames: Frame[] = [];
      for (;;) {
        const next = await frame();
        if (next === undefined) throw new Error("The server has hung up");
        if (next.type === FRAME.error) return decodeError(next.payload);
        frames.push(next);
        if (next.isEnd) return frames;
      }
    };
    return {
      greeting,
      nonce,
      write,
      send,
      frame,
      async get(path, offset = 0, length = Number.MAX_SAFE_INTEGER) {
        const answer = await ask(FRAME.get, encodeGet({ path, offset, length }));
        return "code" in answer ? answer : answer.map(({ payload }) => decodeData(payload));
      },
      async list(path = "") {
        const answer = await ask(FRAME.list, encodeListRequest({ path }));
        return "code" in answer ? answer : answer.flatMap(({ payload }) => [...decodeListPage(payload)]);
      },
      async root(path) {
        const answer = await ask(FRAME.root, encodeRootRequest({ path, digest: true }));
        return "code" in answer ? answer : decodeRootAnswer(answer[0]?.payload ?? new Uint8Array(0));
      },
      [Symbol.dispose]: () => conn.close(),
    };
  } catch (error) {
    conn.close();
    throw error;
  }
}

/** The next frame, with a payload of its own; `undefined`: the server has hung up. */
async function nextFrame(conn: Deno.Conn, reader: FrameReader): Promise<Frame | undefined> {
  for (;;) {
    const next = reader.next();
    if (next !== undefined) return { ...next, payload: next.payload.slice() };
    const count = await conn.read(reader.space());
    if (count === null) return undefined;
    reader.filled(count);
  }
}

async function greet(conn: Deno.Conn, nonce: Uint8Array): Promise<Extract<Greeted, { kind: "xfer" }>> {
  const greetings = new GreetingReader(nonce);
  const buffer = new Uint8Array(4096);
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) throw new Error("The server has hung up before it greeted");
    const greeted = greetings.add(buffer.subarray(0, count));
    if (greeted?.kind === "plain") throw new Error("The server is a plain one");
    if (greeted !== undefined) return greeted;
  }
}

/** The bytes of blocks that follow one another. */
export function joined(answer: readonly DataBlock[] | Refusal): Uint8Array {
  if ("code" in answer) throw new Error(`Refused with ${answer.code}: ${answer.text}`);
  const [first] = answer;
  const from = first?.offset ?? 0;
  const bytes = new Uint8Array(answer.reduce((sum, block) => sum + block.bytes.length, 0));
  for (const block of answer) bytes.set(block.bytes, block.offset - from);
  return bytes;
}
