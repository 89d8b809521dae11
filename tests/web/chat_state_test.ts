import { assertEquals } from "@std/assert";
import { ChatState } from "../../web/chat_state.js";

/** A message of a channel. */
function said(id: number, from: string, fields: Record<string, unknown> = {}) {
  return { id, channel: "general", from, message: `m${id}`, ts: id, ...fields };
}

function ids(state: ChatState, key: string): number[] {
  return state.ensure(key).messages.map(({ id }: { id: number }) => id);
}

Deno.test("messages are in the order of their ids, each once, whichever way they came", () => {
  const state = new ChatState("alice");
  const room = state.open("#general");
  for (const id of [7, 5, 7, 6]) state.take(said(id, "bob"));
  state.takePast(room, { messages: [said(4, "bob"), said(5, "bob")], limit: 2 });
  assertEquals(ids(state, "#general"), [4, 5, 6, 7]);
  assertEquals(room.isWhole, false);
  state.takePast(room, { messages: [said(3, "bob")], limit: 2 });
  assertEquals(room.isWhole, true);
  assertEquals(state.position, 7);
});

Deno.test("what others say is unread until it is seen, and what I say is not", () => {
  const state = new ChatState("alice");
  assertEquals(state.take(said(1, "bob")).isNews, true);
  assertEquals(state.take(said(1, "bob")).isNews, false);
  assertEquals(state.take(said(2, "alice")).isNews, false);
  state.take({ id: 3, from: "carol", to: "alice", message: "psst", ts: 3 });
  assertEquals([state.ensure("#general").unread, state.ensure("@carol").unread, state.unread], [1, 1, 2]);
  state.open("#general");
  assertEquals(state.seen(), true);
  assertEquals(state.seen(), false);
  assertEquals([state.unread, state.ensure("#general").readId], [1, 2]);
});

Deno.test("what was missed since the last time is counted and marked, and nothing in a new room", () => {
  const state = new ChatState("alice");
  const known = state.ensure("#general");
  known.readId = 5;
  state.takePast(known, {
    messages: [said(5, "bob"), said(6, "bob"), said(8, "alice"), said(9, "bob")],
    limit: 50,
  });
  assertEquals([known.unread, state.open("#general").markId], [2, 5]);
  const entered = state.ensure("#dev");
  entered.readId = Infinity;
  state.takePast(entered, { messages: [said(3, "bob", { channel: "dev" })], limit: 50 });
  assertEquals([entered.unread, state.open("#dev").markId], [0, undefined]);
  assertEquals(state.take(said(10, "bob", { channel: "dev" })).isNews, true);
});

Deno.test("a conversation has one room for both directions, the latest is first", () => {
  const state = new ChatState("alice");
  state.take({ id: 1, from: "alice", to: "bob", message: "hi", ts: 1 });
  state.take({ id: 2, from: "carol", to: "alice", message: "hi", ts: 2 });
  state.take({ id: 3, from: "bob", to: "alice", message: "hi", ts: 3 });
  assertEquals(state.sorted().directs.map(({ name }: { name: string }) => name), ["bob", "carol"]);
  assertEquals(ids(state, "@bob"), [1, 3]);
});

Deno.test("what is stored is no longer pending", () => {
  const state = new ChatState("alice");
  const room = state.open("#general");
  room.pending.push({ msg_id: "a", text: "one" }, { msg_id: "b", text: "two" });
  state.take(said(1, "alice", { msg_id: "a" }));
  assertEquals(room.pending.map(({ msg_id }: { msg_id: string }) => msg_id), ["b"]);
});

Deno.test("members who are here come first", () => {
  const state = new ChatState("alice");
  state.open("#general");
  for (const peer_id of ["alice", "bob", "carol", "dave"]) {
    state.memberChanged({ channel: "general", peer_id, joined: true });
  }
  state.presenceChanged({ peer_id: "carol", online: true });
  state.memberChanged({ channel: "general", peer_id: "dave", joined: false });
  assertEquals(state.members(), [
    { name: "alice", isOnline: true },
    { name: "carol", isOnline: true },
    { name: "bob", isOnline: false },
  ]);
});
