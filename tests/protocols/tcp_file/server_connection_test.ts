import { assert, assertEquals } from "@std/assert";
import type { ServedStream } from "../../../net/tcp_listener.ts";
import { join } from "@std/path";
import { encodeFrame, FRAME } from "../../../protocols/tcp_file/frames.ts";
import { encodeHello } from "../../../protocols/tcp_file/hello.ts";
import { encodeRootRequest } from "../../../protocols/tcp_file/messages.ts";
import { SendMemory } from "../../../protocols/tcp_file/send_memory.ts";
import { ServedFiles } from "../../../protocols/tcp_file/served_files.ts";
import { type ConnectionEvent, ServerConnection } from "../../../protocols/tcp_file/server_connection.ts";
import { Catalogue } from "../../../store/catalogue.ts";
import { tempDir } from "../../support/temp_dir.ts";

/** A client that says hello and no more than this; what it is sent waits until it takes it. */
function stuckClient(more = new Uint8Array(0)) {
  const closed = Promise.withResolvers<never>();
  closed.promise.catch(() => {});
  const onWrite = Promise.withResolvers<void>();
  let taken = Promise.withResolvers<void>();
  let hello: Uint8Array | undefined = new Uint8Array([...encodeHello(new Uint8Array(16)), ...more]);
  const stream: ServedStream = {
    read(buffer) {
      if (hello === undefined) return closed.promise;
      buffer.set(hello);
      const { length } = hello;
      hello = undefined;
      return Promise.resolve(length);
    },
    async write(bytes) {
      onWrite.resolve();
      await Promise.race([taken.promise, closed.promise]);
      taken = Promise.withResolvers();
      taken.resolve();
      return bytes.length;
    },
    end: () => Promise.resolve(),
    close: () => closed.reject(new Error("closed")),
  };
  return { stream, isWrittenTo: onWrite.promise, take: () => taken.resolve() };
}

/** Tells of the first read, and counts them. */
class ReadFiles extends ServedFiles {
  readonly #first = Promise.withResolvers<void>();
  reads = 0;

  get isRead(): Promise<void> {
    return this.#first.promise;
  }

  override async read(...args: Parameters<ServedFiles["read"]>): Promise<void> {
    this.reads++;
    this.#first.resolve();
    await super.read(...args);
  }
}

async function connected(
  test: (served: {
    readonly client: ReturnType<typeof stuckClient>;
    readonly connection: ServerConnection;
    readonly files: ReadFiles;
    readonly memory: SendMemory;
    readonly events: readonly ConnectionEvent[];
  }) => Promise<void>,
  { more, sparseBytes = 0 }: { readonly more?: Uint8Array<ArrayBuffer>; readonly sparseBytes?: number } = {},
): Promise<void> {
  await using dir = await tempDir();
  await Deno.writeFile(join(dir.path, "sparse"), new Uint8Array(0));
  await Deno.truncate(join(dir.path, "sparse"), sparseBytes);
  await using catalogue = await Catalogue.open(dir.path, { isWatching: false });
  using files = new ReadFiles(catalogue);
  const memory = new SendMemory(1);
  const events: ConnectionEvent[] = [];
  const client = stuckClient(more);
  const connection = new ServerConnection(
    { address: "192.0.2.1", stream: Promise.resolve(client.stream), close: client.stream.close },
    {
      session: { nonce: new Uint8Array(16), token: undefined, plainList: new Uint8Array(0) },
      catalogue,
      files,
      memory,
      onEvent: (event) => void events.push(event),
    },
  );
  await test({ client, connection, files, memory, events });
}

const causes = (events: readonly ConnectionEvent[]) =>
  events.map((event) => event.type === "closed" && event.cause);

Deno.test("a client that reads nothing of its answer for 30 s is dropped, and its memory is free", async () => {
  await connected(async ({ client, connection, memory, events }) => {
    const serving = connection.serve();
    await client.isWrittenTo;
    connection.checkPace(performance.now() + 29_000);
    assertEquals(events, []);
    connection.checkPace(performance.now() + 31_000);
    await serving;
    assertEquals(causes(events), ["slow"]);
    assertEquals(memory.bytes, 0);
  });
});

Deno.test("a connection that is to leave while its last answer is sent leaves after it", async () => {
  await connected(async ({ client, connection, events }) => {
    const serving = connection.serve();
    await client.isWrittenTo;
    connection.leave();
    client.take();
    await serving;
    assertEquals(causes(events), ["leaving"]);
  });
});

Deno.test("a root that takes long is computed no further once the connection is over", async () => {
  const more = encodeFrame(
    { type: FRAME.root, request: 1, isEnd: false },
    encodeRootRequest({ path: "sparse", digest: true }),
  );
  await connected(async ({ client, connection, files, events }) => {
    const serving = connection.serve();
    // The greeting goes first.
    await client.isWrittenTo;
    client.take();
    await files.isRead;
    connection.terminate("leaving", "the server stops");
    const { reads } = files;
    await serving;
    // That of the block under way.
    assert(files.reads <= reads + 1, `${files.reads - reads} reads`);
    assertEquals(causes(events), ["leaving"]);
  }, { more, sparseBytes: 8 * 2 ** 30 });
});
