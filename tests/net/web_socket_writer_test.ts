import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { kernelFor } from "../../net/maskable_memory.ts";
import { OPCODE, type Role } from "../../net/web_socket_frames.ts";
import { WebSocketReader } from "../../net/web_socket_reader.ts";
import { WebSocketWriter } from "../../net/web_socket_writer.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";

function writerOf(sender: Role): WebSocketWriter {
  let last = 0;
  const fillRandom = (bytes: Uint8Array) => void bytes.forEach((_, i) => bytes[i] = ++last);
  return new WebSocketWriter({ sender, fillRandom });
}

/** The one message in a frame. */
function messageIn(frame: Uint8Array, sender: Role): unknown {
  const reader = new WebSocketReader({ sender, maxMessageBytes: 2 ** 20, maxReadBytes: 2 ** 20 });
  reader.lend(new Uint8Array(2 ** 20));
  reader.space().set(frame);
  reader.filled(frame.length);
  const message = reader.next();
  assertEquals(reader.isWithin, false);
  return message;
}

for (const sender of ["client", "server"] as const) {
  Deno.test(`a message of a ${sender}'s is the same, whether it was copied or lay there`, () => {
    for (const length of [0, 1, 125, 126, 20_000, 65_535, 65_536, 200_000]) {
      const bytes = pseudoRandomBytes(length);
      const copied = writerOf(sender).frame(OPCODE.binary, bytes);
      assertEquals(messageIn(copied, sender), { type: "binary", bytes });
      const writer = writerOf(sender);
      const room = writer.prepare(length + 7);
      assertEquals(room.length, length + 7);
      room.set(bytes, 5);
      assertEquals(
        writer.frameInPlace(OPCODE.binary, room.subarray(5, 5 + length)),
        copied,
        `${length} bytes`,
      );
    }
  });
}

Deno.test("the memory of a long frame that was sent is used again, and is quickly masked", () => {
  const writer = writerOf("client");
  const first = writer.frame(OPCODE.binary, pseudoRandomBytes(100_000));
  assert(kernelFor(first.buffer) !== undefined);
  // One that was not sent yet is left alone.
  assertNotEquals(writer.prepare(100_000).buffer, first.buffer);
  writer.sent(first);
  assert(writer.prepare(100_000).buffer === first.buffer);
});
