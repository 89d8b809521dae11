import { assertEquals } from "@std/assert";
import type { ServedStream } from "../../../net/tcp_listener.ts";
import { encodeHello } from "../../../protocols/tcp_file/hello.ts";
import { SendMemory } from "../../../protocols/tcp_file/send_memory.ts";
import { ServedFiles } from "../../../protocols/tcp_file/served_files.ts";
import { type ConnectionEvent, ServerConnection } from "../../../protocols/tcp_file/server_connection.ts";
import { Catalogue } from "../../../store/catalogue.ts";
import { tempDir } from "../../support/temp_dir.ts";

/** A client that says hello, and then neither reads nor writes. */
function stuckClient(): ServedStream {
  const closed = Promise.withResolvers<never>();
  closed.promise.catch(() => {});
  let hello: Uint8Array | undefined = encodeHello(new Uint8Array(16));
  return {
    read(buffer) {
      if (hello === undefined) return closed.promise;
      buffer.set(hello);
      const { length } = hello;
      hello = undefined;
      return Promise.resolve(length);
    },
    write: () => closed.promise,
    end: () => Promise.resolve(),
    close: () => closed.reject(new Error("closed")),
  };
}

Deno.test("a client that reads nothing of its answer for 30 s is dropped, and its memory is free", async () => {
  await using dir = await tempDir();
  await using catalogue = await Catalogue.open(dir.path, { isWatching: false });
  using files = new ServedFiles(catalogue);
  const memory = new SendMemory(1);
  const events: ConnectionEvent[] = [];
  const stream = stuckClient();
  const connection = new ServerConnection(
    { address: "192.0.2.1", stream: Promise.resolve(stream), close: stream.close },
    {
      session: { nonce: new Uint8Array(16), token: undefined, plainList: new Uint8Array(0) },
      catalogue,
      files,
      memory,
      onEvent: (event) => void events.push(event),
    },
  );
  const serving = connection.serve();
  while (memory.bytes === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  connection.checkPace(performance.now() + 29_000);
  assertEquals(events, []);
  connection.checkPace(performance.now() + 31_000);
  await serving;
  assertEquals(events.map((event) => event.type === "closed" && event.cause), ["slow"]);
  assertEquals(memory.bytes, 0);
});
