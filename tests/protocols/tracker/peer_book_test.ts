import { assertEquals } from "@std/assert";
import { PeerBook } from "../../../protocols/tracker/peer_book.ts";
import { EventReader } from "../../../protocols/tracker/event_reader.ts";
import { SeenMessages } from "../../../protocols/tracker/seen_messages.ts";

const address = { ip: "192.0.2.1", port: 5000, key: "k" };

Deno.test("an address is good for a minute, and a peer that can't be reached is left alone for half of one", () => {
  const book = new PeerBook({ isLocal: false });
  assertEquals(book.find("bob", 0), "unknown");
  book.learned("bob", address, 0);
  assertEquals([book.find("bob", 59_999), book.find("bob", 60_000)], [address, "unknown"]);
  book.failed("bob", 60_000);
  assertEquals([book.find("bob", 89_999), book.find("bob", 90_000)], ["unreachable", "unknown"]);
  book.learned("bob", undefined, 90_000);
  assertEquals(book.find("bob", 90_001), "unreachable");
  book.forget("bob");
  assertEquals(book.find("bob", 90_001), "unknown");
});

Deno.test("without a key nobody is connected to, nor where a peer could point at this machine", () => {
  for (
    const [ip, isLocal, expected] of [
      ["127.0.0.1", false, "unreachable"],
      ["::1", false, "unreachable"],
      ["::ffff:127.0.0.1", false, "unreachable"],
      ["0.0.0.0", true, "unreachable"],
      ["example.org", true, "unreachable"],
      ["127.0.0.1", true, "127.0.0.1"],
    ] as const
  ) {
    const book = new PeerBook({ isLocal });
    book.learned("bob", { ...address, ip }, 0);
    const found = book.find("bob", 1);
    assertEquals(typeof found === "string" ? found : found.ip, expected, `${ip} ${isLocal}`);
  }
  const book = new PeerBook({ isLocal: true });
  book.learned("bob", { ...address, key: undefined }, 0);
  assertEquals(book.find("bob", 1), "unreachable");
});

Deno.test("a message is new once for each sender", () => {
  const seen = new SeenMessages();
  assertEquals([seen.add("a", "1"), seen.add("b", "1"), seen.add("a", "1")], [true, true, false]);
});

Deno.test("events are read however they are cut, and comments passed over", () => {
  const stream = ':\n\nid: 7\nevent: message\ndata: {"a":1}\n\nevent: ready\ndata: {}\n\n';
  const expected = [
    { id: "7", name: "message", data: '{"a":1}' },
    { id: undefined, name: "ready", data: "{}" },
  ];
  for (let cut = 0; cut <= stream.length; cut++) {
    const reader = new EventReader();
    assertEquals([...reader.push(stream.slice(0, cut)), ...reader.push(stream.slice(cut))], expected);
  }
});
