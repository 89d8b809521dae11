/** A server of the plain UDP file protocol, written from docs/protocols.md and knowing nothing of this project's code. */

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const DATAGRAM_BYTES = 4096;

/** A plain server on loopback. */
export interface PlainUdpServer extends Disposable {
  readonly port: number;
  /** Requests as they came. */
  readonly requests: readonly string[];
}

/** What a client is being sent. */
interface Sending {
  readonly pieces: readonly Uint8Array[];
  next: number;
}

/** Starts one. Any datagram counts as ACK while a file is under way, unless it is a request. */
export function plainUdpServer(files: Readonly<Record<string, Uint8Array>>): PlainUdpServer {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const sending = new Map<number, Sending>();
  const requests: string[] = [];
  const say = (text: string, to: Deno.Addr) => socket.send(encoder.encode(text), to);

  const answer = async (text: string, to: Deno.NetAddr) => {
    if (text === "ACK") return await sendNext(to);
    requests.push(text);
    if (text === "LIST") {
      return await say(
        Object.entries(files).map(([name, bytes]) => `${name} ${bytes.length}B\n`).join(""),
        to,
      );
    }
    const [, name = text, offset = "0", length = "0"] = /^DOWNLOAD (.+?)(?: (\d+))?(?: (\d+))?$/.exec(text) ??
      [];
    const bytes = files[name];
    if (bytes === undefined) return await say("File not found", to);
    const from = Number(offset);
    const end = Number(length) === 0 ? bytes.length : from + Number(length);
    const pieces: Uint8Array[] = [];
    for (let at = from; at < end; at += DATAGRAM_BYTES) {
      pieces.push(bytes.slice(at, Math.min(end, at + DATAGRAM_BYTES)));
    }
    sending.set(to.port, { pieces: [...pieces, encoder.encode("EOF")], next: 0 });
    await say(String(bytes.length), to);
    await sendNext(to);
  };
  const sendNext = async (to: Deno.NetAddr) => {
    const state = sending.get(to.port);
    const piece = state?.pieces[state.next];
    if (state === undefined || piece === undefined) return;
    state.next++;
    await socket.send(piece, to);
  };
  const serve = async () => {
    for await (const [datagram, from] of socket) {
      if (from.transport === "udp") await answer(decoder.decode(datagram), from);
    }
  };
  void serve();
  const { port } = socket.addr as Deno.NetAddr;
  return { port, requests, [Symbol.dispose]: () => socket.close() };
}
