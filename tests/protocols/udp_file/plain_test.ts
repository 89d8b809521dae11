import { assert, assertEquals } from "@std/assert";
import { parsePlainList, parsePlainRequest, plainList } from "../../../protocols/udp_file/plain.ts";
import { PlainFetching } from "../../../protocols/udp_file/plain_fetching.ts";
import { PlainServing } from "../../../protocols/udp_file/plain_serving.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { seededChance, VirtualLink } from "../../support/virtual_network.ts";
import { VirtualTime } from "../../support/virtual_time.ts";

const encoder = new TextEncoder();
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const shown = (bytes: Uint8Array) => bytes.length <= 40 ? text(bytes) : `${bytes.length} bytes`;

/** A plain client on a server that offers files, in virtual time. */
class Served {
  readonly serving: PlainServing;
  nowMs = 0;

  constructor(readonly files: Readonly<Record<string, Uint8Array>>) {
    this.serving = new PlainServing({
      sizeOf: (name) => files[name]?.length,
      list: () =>
        plainList(Object.entries(files).map(([name, { length }]) => ({ name, size: length }))).bytes,
    });
  }

  /** What the server sends for it, in the words of the protocol. */
  ask(request: string | Uint8Array): string[] {
    this.serving.receive(typeof request === "string" ? encoder.encode(request) : request, this.nowMs);
    return this.sent().map(shown);
  }

  sent(): Uint8Array[] {
    const sent: Uint8Array[] = [];
    for (let step = this.serving.next(this.nowMs); step !== undefined; step = this.serving.next(this.nowMs)) {
      if (step.type === "send") sent.push(step.bytes.slice());
      else {
        const file = this.files[step.name] ?? new Uint8Array(0);
        this.serving.provide(file.subarray(step.offset, step.offset + step.length));
      }
    }
    return sent;
  }
}

const FILES = {
  "a b.txt": encoder.encode("hello"),
  "big.bin": pseudoRandomBytes(10_000),
  "empty": new Uint8Array(0),
  "eof": encoder.encode("EOF"),
  "song 5": encoder.encode("five"),
  "имя": encoder.encode("name"),
};

Deno.test("a plain client is told the list, sizes and bytes, each datagram after an ACK", () => {
  const client = new Served(FILES);
  client.serving.receive(encoder.encode("LIST"), 0);
  assertEquals(client.sent().map(text), [
    "a b.txt 5B\nbig.bin 10000B\nempty 0B\neof 3B\nsong 5 4B\nимя 4B\n",
  ]);
  assertEquals(client.ask("a b.txt"), ["5", "hello"]);
  assertEquals(client.ask("ACK"), ["EOF"]);
  assertEquals(client.ask("DOWNLOAD big.bin 5000 0"), ["10000", "4096 bytes"]);
  assertEquals(client.ask("ACK"), ["904 bytes"]);
  assertEquals(client.ask("ACK\n"), ["EOF"]);
});

for (
  const [request, answers] of [
    ["DOWNLOAD a b.txt 1 3", ["5", "ell"]],
    ["DOWNLOAD a b.txt 1", ["5", "ello"]],
    ["DOWNLOAD a b.txt", ["5", "hello"]],
    ["DOWNLOAD song 5", ["4", "five"]],
    ["DOWNLOAD song 5 2", ["4", "ve"]],
    ["DOWNLOAD a b.txt 5 0", ["5", "EOF"]],
    ["DOWNLOAD a b.txt 99999999999999999999 5", ["5", "EOF"]],
    ["DOWNLOAD a b.txt -1 5", ["File not found"]],
    ["empty", ["0", "EOF"]],
    ["../secret", ["File not found"]],
    ["x".repeat(2000), ["File not found"]],
    ["ACK", []],
    ["File not found", []],
    ["", []],
  ] as const
) {
  Deno.test(`"${request.slice(0, 40)}" is answered with ${JSON.stringify(answers)}`, () => {
    assertEquals(new Served(FILES).ask(request), [...answers]);
  });
}

Deno.test("bytes that read like the end of a file go in two", () => {
  const client = new Served(FILES);
  assertEquals(client.ask("eof"), ["3", "E"]);
  assertEquals(client.ask("ACK"), ["OF"]);
  assertEquals(client.ask("ACK"), ["EOF"]);
});

Deno.test("what is not acknowledged is sent again after a second, ever more seldom, and then no more", () => {
  const client = new Served(FILES);
  client.ask("a b.txt");
  const times: number[] = [];
  for (let wake = client.serving.wakeAtMs; wake !== undefined; wake = client.serving.wakeAtMs) {
    client.nowMs = wake;
    if (client.sent().length > 0) times.push(wake);
    assert(times.length < 10);
  }
  assertEquals(times, [1000, 3000, 7000, 15_000, 23_000]);
});

Deno.test("a copy of a request made by the network changes nothing, a later one begins anew", () => {
  const client = new Served(FILES);
  for (const [name, size, content] of [["a b.txt", "5", "hello"], ["имя", "4", "name"]] as const) {
    assertEquals(client.ask(name), [size, content]);
    client.nowMs += 50;
    assertEquals(client.ask(name), []);
  }
  client.nowMs = 500;
  assertEquals(client.ask("a b.txt"), ["5", "hello"]);
  assertEquals(client.ask("big.bin"), ["10000", "4096 bytes"]);
});

Deno.test("a file that has become shorter ends there", () => {
  const client = new Served(FILES);
  client.serving.receive(encoder.encode("big.bin"), 0);
  client.serving.next(0);
  assertEquals(client.serving.next(0), { type: "read", name: "big.bin", offset: 0, length: 4096 });
  assertEquals(client.serving.next(0), undefined);
  client.serving.provide(new Uint8Array(0));
  assertEquals(client.sent().map(shown), ["EOF"]);
});

Deno.test("a list is cut at a whole line, and that of no files is not an empty datagram", () => {
  const files = Array.from({ length: 300 }, (_, i) => ({ name: `file number ${i}`, size: i }));
  const { bytes, omitted } = plainList(files);
  assert(bytes.length <= 4096 && omitted > 0);
  assertEquals(parsePlainList(bytes), files.slice(0, 300 - omitted));
  assertEquals(text(plainList([]).bytes), "\n");
  assertEquals(plainList([{ name: "a/b", size: 1 }, { name: "a\nb", size: 1 }]).omitted, 0);
});

Deno.test("no nonsense makes a server's core do more than answer", () => {
  const chance = seededChance(5);
  for (let round = 0; round < 2000; round++) {
    const client = new Served(FILES);
    const words = ["DOWNLOAD ", "ACK", "LIST", "a b.txt", " 1", "\n", "\0", "é", "999999999999999999"];
    for (let i = 0; i < 5; i++) {
      const length = Math.floor(chance() * 4);
      const request = Array.from({ length }, () => words[Math.floor(chance() * words.length)]).join("");
      for (const answer of client.ask(request)) assert(answer.length > 0);
      parsePlainRequest(pseudoRandomBytes(Math.floor(chance() * 40), round + 1));
    }
  }
});

/** Fetches a file over a path in virtual time. */
function fetched(content: Uint8Array, loss: number, seed: number, isOurs = true) {
  const time = new VirtualTime();
  const link = () => new VirtualLink(time, { delayMs: 10, loss }, seed++);
  const [forth, back] = [link(), link()];
  const nowMs = () => time.nowUs / 1000;
  const got = new Uint8Array(content.length);
  let stored = 0;
  const client = new PlainFetching({
    nowMs: 0,
    name: "f",
    store: (offset, bytes) => {
      assertEquals(offset, stored);
      got.set(bytes, offset);
      stored += bytes.length;
    },
  });
  const server = isOurs ? new Served({ f: content }) : new SimpleServer(content);
  const serve = () => {
    server.nowMs = nowMs();
    for (const bytes of server.sent()) {
      back.send(bytes, (datagram) => {
        client.receive(datagram, nowMs());
        turn();
      });
    }
    const wake = server.serving.wakeAtMs;
    if (wake !== undefined) time.at(wake * 1000, serve);
  };
  const turn = () => {
    for (let bytes = client.next(nowMs()); bytes !== undefined; bytes = client.next(nowMs())) {
      forth.send(bytes, (datagram) => {
        server.serving.receive(datagram, nowMs());
        serve();
      });
    }
    if (client.wakeAtMs !== undefined) time.at(client.wakeAtMs * 1000, turn);
  };
  turn();
  time.run({ isOver: () => client.wakeAtMs === undefined });
  return { state: client.state, got };
}

/** A server as others have written it: it takes any datagram for the ACK that it waits for, and repeats nothing. */
class SimpleServer {
  nowMs = 0;
  readonly #out: Uint8Array[] = [];
  #at = -1;

  constructor(readonly content: Uint8Array) {}

  readonly serving = {
    wakeAtMs: undefined,
    receive: (datagram: Uint8Array, _nowMs: number) => {
      if (this.#at < 0) {
        if (!text(datagram).startsWith("DOWNLOAD f ")) return;
        this.#at = Number(text(datagram).split(" ")[2]);
        this.#out.push(encoder.encode(String(this.content.length)));
      }
      const piece = this.content.slice(this.#at, this.#at + 4096);
      this.#out.push(piece.length > 0 ? piece : encoder.encode("EOF"));
      this.#at = piece.length > 0 ? this.#at + piece.length : -1;
    },
  };

  sent(): Uint8Array[] {
    return this.#out.splice(0);
  }
}

for (
  const [name, content] of [
    ["random bytes", pseudoRandomBytes(100_000)],
    ["zeros", new Uint8Array(100_000)],
    ["the word EOF", encoder.encode("EOF")],
    ["no bytes", new Uint8Array(0)],
  ] as const
) {
  Deno.test(`a plain fetch of ${name} is exact, also when datagrams get lost`, () => {
    for (const loss of [0, 0.05, 0.2]) {
      for (let seed = 1; seed <= 40; seed += 2) {
        const { state, got } = fetched(content, loss, seed);
        if (state.kind === "failed" && state.cause === "silent" && loss === 0.2) continue;
        assertEquals(state, { kind: "done" }, `loss ${loss}, seed ${seed}`);
        assert(got.every((byte, i) => byte === content[i]), `loss ${loss}, seed ${seed}`);
      }
    }
  });

  Deno.test(`${name} come from a server that takes any datagram for an ACK`, () => {
    for (let seed = 1; seed <= 20; seed += 2) {
      const { state, got } = fetched(content, 0.02, seed, false);
      if (state.kind !== "done") continue;
      assert(got.every((byte, i) => byte === content[i]), `seed ${seed}`);
    }
    assertEquals(fetched(content, 0, 1, false).state, { kind: "done" });
  });
}

Deno.test("a fetch says why it failed", () => {
  const fetching = (...datagrams: string[]) => {
    const client = new PlainFetching({ nowMs: 0, name: "f", store: () => {} });
    client.next(0);
    for (const datagram of datagrams) client.receive(encoder.encode(datagram), 1);
    return client.state;
  };
  assertEquals(fetching("File not found"), { kind: "missing" });
  assertEquals(fetching("3", "abcd").kind, "failed");
  assertEquals(fetching("9", "abcd", "EOF").kind, "failed");
  assertEquals(fetching("what?"), { kind: "asking", isDraining: false });
});
