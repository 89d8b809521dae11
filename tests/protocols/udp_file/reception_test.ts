import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  clientProof,
  decodeAccept,
  decodeRetry,
  encodeHello,
  encodeOpen,
} from "../../../protocols/udp_file/handshake.ts";
import {
  CLOSE_CODE,
  PACKET,
  PACKET_HEADER_BYTES,
  PacketHead,
  readClose,
  readPacket,
  sealPacket,
} from "../../../protocols/udp_file/packets.ts";
import { messageLine } from "../../../protocols/udp_file/control_messages.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { fetchOverUdp } from "../../support/udp_fetch.ts";
import { udpFileServer } from "../../support/udp_file_server.ts";

/** A socket that sends whatever it is told to a server. */
function rawPeer(port: number) {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const to = { transport: "udp", hostname: "127.0.0.1", port } as const;
  return {
    send: (bytes: Uint8Array) => socket.send(bytes, to),
    async receive() {
      const [bytes] = await socket.receive();
      const head = new PacketHead();
      assert(readPacket(bytes, head), "no packet");
      return { bytes, head };
    },
    [Symbol.dispose]: () => socket.close(),
  };
}

const NONCE = pseudoRandomBytes(16, 3).slice();

async function cookieFor(peer: ReturnType<typeof rawPeer>, nonce = NONCE) {
  await peer.send(encodeHello(nonce));
  const { bytes, head } = await peer.receive();
  assertEquals(head.type, PACKET.retry);
  const cookie = decodeRetry(bytes, nonce);
  assert(cookie !== undefined);
  assert(bytes.length <= encodeHello(nonce).length);
  return cookie.slice();
}

function open(
  cookie: Uint8Array,
  { nonce = NONCE, token = "", credit = 0, firstLine = "" } = {},
): Uint8Array<ArrayBuffer> {
  const proof = clientProof(token === "" ? undefined : token, { nonce, cookie });
  return encodeOpen({
    nonce,
    cookie,
    proof,
    credit,
    congestion: "rate",
    maxBytesPerSecond: undefined,
    roundTripUs: undefined,
    firstLine,
  });
}

Deno.test("an OPEN is worth nothing from another port, with another nonce, or changed", async () => {
  await using server = await udpFileServer({ file: "1" });
  using peer = rawPeer(server.port);
  using other = rawPeer(server.port);
  const cookie = await cookieFor(peer);
  const changed = cookie.slice();
  changed[10] = (changed[10] ?? 0) ^ 1;
  await other.send(open(cookie));
  await peer.send(open(cookie, { nonce: pseudoRandomBytes(16, 4) }));
  await peer.send(open(changed));
  // Answers come in order: the next is that to the good one.
  await peer.send(open(cookie));
  const { bytes, head } = await peer.receive();
  assertEquals(head.type, PACKET.accept);
  assert(decodeAccept(bytes) !== undefined);
  await cookieFor(other);
});

Deno.test("a repeated OPEN gets the same ACCEPT, and counts as one connection", async () => {
  await using server = await udpFileServer({ file: "1" }, { maxConnectionsPerAddress: 1 });
  using peer = rawPeer(server.port);
  using other = rawPeer(server.port);
  const cookie = await cookieFor(peer);
  const answers: Uint8Array[] = [];
  for (let copy = 0; copy < 3; copy++) {
    await peer.send(open(cookie));
    answers.push((await peer.receive()).bytes);
  }
  assertEquals(answers[1], answers[0]);
  assertEquals(answers[2], answers[0]);
  await other.send(open(await cookieFor(other)));
  const { bytes, head } = await other.receive();
  assertEquals([head.type, readClose(bytes)?.code], [PACKET.close, CLOSE_CODE.tooMany]);
  assertEquals((await server.told("refused")).reason, "address_limit");
});

Deno.test("of clients that open and close all the time not all are remembered", async () => {
  await using server = await udpFileServer({ file: "1" });
  using peer = rawPeer(server.port);
  const cookie = await cookieFor(peer);
  const openAndClose = async (of: Uint8Array, nonce: Uint8Array<ArrayBuffer>) => {
    await peer.send(open(of, { nonce }));
    const { connection = 0 } = decodeAccept((await peer.receive()).bytes) ?? {};
    await peer.send(packet(connection, { type: PACKET.close, number: 0 }, new Uint8Array(2)));
    return connection;
  };
  const first = await openAndClose(cookie, NONCE);
  assertEquals(await openAndClose(cookie, NONCE), first);
  for (let times = 0; times < 1024; times++) {
    const nonce = pseudoRandomBytes(16, 100 + times).slice();
    await openAndClose(await cookieFor(peer, nonce), nonce);
  }
  assert(await openAndClose(cookie, NONCE) !== first);
});

Deno.test("a wrong token is refused without a connection", async () => {
  await using server = await udpFileServer({ file: "1" }, { token: "right" });
  using peer = rawPeer(server.port);
  const cookie = await cookieFor(peer);
  for (const token of ["", "wrong"]) {
    await peer.send(open(cookie, { token }));
    const { bytes } = await peer.receive();
    assertEquals(readClose(bytes)?.code, CLOSE_CODE.notAuthenticated);
  }
  await peer.send(open(cookie, { token: "right" }));
  assertEquals((await peer.receive()).head.type, PACKET.accept);
});

/** A packet that has all it needs, of a connection. */
function packet(
  connection: number,
  { type, number }: Pick<PacketHead, "type" | "number">,
  payload: Uint8Array,
) {
  const bytes = new Uint8Array(PACKET_HEADER_BYTES + payload.length);
  bytes.set(payload, PACKET_HEADER_BYTES);
  const head = new PacketHead();
  Object.assign(head, { type, number, connection });
  sealPacket(bytes, head, payload.length);
  return bytes;
}

Deno.test("a packet of a connection from elsewhere changes nothing; one of no connection is answered with CLOSE", async () => {
  await using server = await udpFileServer({ file: "1" });
  using peer = rawPeer(server.port);
  using other = rawPeer(server.port);
  const cookie = await cookieFor(peer);
  await peer.send(open(cookie));
  const { connection = 0 } = decodeAccept((await peer.receive()).bytes) ?? {};
  const list = new TextEncoder().encode(`${messageLine({ list: { id: 1, path: "" } })}\n`);
  await other.send(packet(connection, { type: PACKET.close, number: 0 }, new Uint8Array(2)));
  await other.send(packet(connection, { type: PACKET.data, number: 1 }, list));
  await other.send(packet(connection + 1, { type: PACKET.data, number: 1 }, list));
  const { head } = await other.receive();
  assertEquals([head.type, head.connection], [PACKET.close, connection + 1]);
  await peer.send(packet(connection, { type: PACKET.data, number: 1 }, list));
  const types: number[] = [];
  while (!types.includes(PACKET.data)) types.push((await peer.receive()).head.type);
  assert(!types.includes(PACKET.close));
});

Deno.test("what breaks the protocol ends its connection with CLOSE, and no other", async () => {
  const violations: readonly (readonly [string, Pick<PacketHead, "type" | "number">, Uint8Array])[] = [
    ["no JSON", { type: PACKET.data, number: 1 }, new TextEncoder().encode("nonsense\n")],
    ["no message", { type: PACKET.data, number: 1 }, new TextEncoder().encode('{"list":{"id":0}}\n')],
    ["an ACK of nothing", { type: PACKET.ack, number: 0 }, ackOf(7)],
    ["a torn ACK", { type: PACKET.ack, number: 0 }, ackOf(1).subarray(0, 20)],
  ];
  await using server = await udpFileServer({ file: "1" });
  for (const [what, head, payload] of violations) {
    using peer = rawPeer(server.port);
    const cookie = await cookieFor(peer);
    await peer.send(open(cookie));
    const { connection = 0 } = decodeAccept((await peer.receive()).bytes) ?? {};
    await peer.send(packet(connection, head, payload));
    let answer = await peer.receive();
    while (answer.head.type !== PACKET.close) answer = await peer.receive();
    assertEquals(readClose(answer.bytes)?.code, CLOSE_CODE.violation, what);
  }
});

/** The payload of an ACK of one packet. */
function ackOf(number: number): Uint8Array {
  const payload = new Uint8Array(33);
  const view = new DataView(payload.buffer);
  view.setUint32(0, number);
  view.setUint32(12, 1);
  view.setUint8(24, 1);
  view.setUint32(25, number);
  view.setUint32(29, number);
  return payload;
}

Deno.test("random datagrams do a server no harm", async () => {
  await using server = await udpFileServer({ file: "content" });
  await using dir = await tempDir();
  using peer = rawPeer(server.port);
  const noise = pseudoRandomBytes(200_000, 11);
  for (let at = 0, index = 0; at < 150_000; index++) {
    const bytes = noise.slice(at, at + (noise[at] ?? 0) * 3);
    at += bytes.length + 1;
    if (index % 2 === 0) bytes[0] = 0xd7;
    // Half of those carry a checksum that holds.
    if (index % 4 === 0 && bytes.length > PACKET_HEADER_BYTES) {
      const head = new PacketHead();
      Object.assign(head, { type: 1 + index % 7, connection: index });
      sealPacket(bytes, head, bytes.length - PACKET_HEADER_BYTES);
    }
    await peer.send(bytes);
  }
  const ends = await fetchOverUdp({ port: server.port, directory: dir.path });
  assertEquals(ends.map(({ kind }) => kind), ["done"]);
});

Deno.test("clients that ask for a large file and never acknowledge any of it hold up no other", async () => {
  const file = pseudoRandomBytes(4_000_000);
  await using server = await udpFileServer({ file });
  await using dir = await tempDir();
  const { mtime } = await Deno.stat(join(server.dir, "file"));
  const range: [number, number] = [0, file.length];
  const get = {
    id: 1,
    path: "file",
    size: file.length,
    mtimeMs: mtime?.getTime() ?? 0,
    ranges: [range],
    digest: range,
  };
  using silent = new DisposableStack();
  for (let seed = 1; seed <= 30; seed++) {
    const peer = silent.use(rawPeer(server.port));
    const nonce = pseudoRandomBytes(16, seed).slice();
    const cookie = await cookieFor(peer, nonce);
    await peer.send(open(cookie, { nonce, credit: 2 ** 24, firstLine: messageLine({ get }) }));
    while ((await peer.receive()).head.type !== PACKET.data);
  }
  const [end] = await fetchOverUdp({ port: server.port, directory: dir.path });
  assertEquals(end?.kind, "done");
  assertEquals(await Deno.readFile(join(dir.path, "file")), file);
});
