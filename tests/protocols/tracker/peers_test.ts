import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Channels, GENERAL } from "../../../protocols/tracker/channels.ts";
import { MAX_CHANNELS_PER_PEER, MAX_MEMBERS, MAX_PEERS } from "../../../protocols/tracker/limits.ts";
import { Peers } from "../../../protocols/tracker/peers.ts";
import { Refusal } from "../../../protocols/tracker/refusal.ts";

function setUp() {
  const told: string[] = [];
  const peers: Peers = new Peers({
    ttlMs: 100,
    forgetMs: 1000,
    onPresence: (id, isOnline) => {
      channels.presence(id, isOnline);
      told.push(`${id} ${isOnline ? "came" : "went"}`);
    },
  });
  const channels: Channels = new Channels((id) => peers.isOnline(id));
  const register = (id: string, nowMs: number) =>
    peers.register({ id, ip: "::1", port: 1 }, undefined, nowMs);
  return { peers, channels, told, register };
}

Deno.test("a peer is there until it was silent for its time, and known until it is forgotten", () => {
  const { peers, told, register } = setUp();
  register("a", 0);
  register("b", 0);
  peers.touch("a", 50);
  peers.expire(99);
  assertEquals([...peers.online()].map(({ id }) => id), ["a", "b"]);
  peers.expire(100);
  assertEquals([...peers.online()].map(({ id }) => id), ["a"]);
  peers.expire(150);
  assertEquals(peers.counts, { known: 2, online: 0 });
  peers.touch("b", 200);
  assertEquals(told, ["a came", "b came", "b went", "a went", "b came"]);
  assertEquals(peers.expire(1050), ["a"]);
  assertEquals(peers.counts, { known: 1, online: 0 });
});

Deno.test("a peer stays as long as a stream in its name is open", () => {
  const { peers, register } = setUp();
  register("a", 0);
  peers.countStreams("a", 1, 0);
  peers.countStreams("a", 1, 0);
  peers.countStreams("a", -1, 10);
  peers.expire(500);
  assertEquals(peers.isOnline("a"), true);
  peers.countStreams("a", -1, 500);
  peers.expire(600);
  assertEquals(peers.isOnline("a"), false);
});

Deno.test("a clock that is set back keeps nobody there who is silent", () => {
  const { peers, register } = setUp();
  register("a", 5000);
  peers.expire(1000);
  peers.expire(1099);
  assertEquals(peers.isOnline("a"), true);
  peers.expire(1100);
  assertEquals(peers.isOnline("a"), false);
});

Deno.test("a bound peer stays bound to the first", () => {
  const { peers } = setUp();
  const registration = { id: "a", ip: "::1", port: 1 };
  peers.register(registration, undefined, 0);
  peers.register(registration, { kind: "key", key: "k1" }, 0);
  peers.register(registration, { kind: "key", key: "k2" }, 0);
  assertEquals(peers.get("a")?.owner, { kind: "key", key: "k1" });
});

Deno.test("what could not be saved is saved the next time", () => {
  const { peers, register } = setUp();
  register("a", 0);
  assertEquals(peers.takeChanged().map(({ id }) => id), ["a"]);
  assertEquals(peers.takeChanged(), []);
  peers.keepChanged(["a", "unknown"]);
  assertEquals(peers.takeChanged().map(({ id }) => id), ["a"]);
});

Deno.test("peers, members and channels have their most", () => {
  const { peers, channels, register } = setUp();
  for (let i = 0; i < MAX_PEERS; i++) register(`p${i}`, 0);
  assertThrows(() => register("one more", 0), Refusal);
  register("p0", 1);
  for (let i = 0; i < MAX_MEMBERS; i++) channels.join("full", `p${i}`);
  assertThrows(() => channels.join("full", "one more"), Refusal);
  for (let i = 0; i < MAX_CHANNELS_PER_PEER; i++) channels.join(`c${i}`, "busy");
  assertThrows(() => channels.join("one more", "busy"), Refusal);
  assertEquals(channels.has("one more"), false);
  assertEquals(peers.counts.known, MAX_PEERS);
});

Deno.test("the members that are present are counted right, whatever happens", () => {
  const names = fc.constantFrom("a", "b", "c");
  const step = fc.record({
    what: fc.constantFrom("register", "join", "leave", "touch", "wait", "stream", "unstream"),
    peer: names,
    channel: fc.constantFrom(GENERAL, "other"),
  });
  fc.assert(fc.property(fc.array(step, { minLength: 40, maxLength: 60 }), (steps) => {
    const { peers, channels, register } = setUp();
    let nowMs = 0;
    for (const { what, peer, channel } of steps) {
      if (what === "register") register(peer, nowMs);
      if (what === "join" && peers.get(peer) !== undefined) channels.join(channel, peer);
      if (what === "leave") channels.leave(channel, peer);
      if (what === "touch") peers.touch(peer, nowMs);
      if (what === "stream") peers.countStreams(peer, 1, nowMs);
      if (what === "unstream") peers.countStreams(peer, -1, nowMs);
      if (what === "wait") {
        nowMs += 60;
        for (const id of peers.expire(nowMs)) channels.forget(id);
      }
      for (const name of channels.names) {
        const present = [...channels.members(name)].filter((id) => peers.isOnline(id));
        assertEquals(channels.recipients(name, "nobody"), present.length);
        assertEquals(channels.recipients(name, "a"), present.filter((id) => id !== "a").length);
      }
    }
  }));
});
