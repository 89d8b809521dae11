/** What a relay does with a datagram: lets it pass so many times. `index` counts those of its direction from 0. */
export type Fate = (datagram: Uint8Array, index: number, direction: "to server" | "to client") => number;

/** Stands between clients and a server of loopback. */
export interface UdpRelay extends Disposable {
  readonly port: number;
  readonly passed: number;
  readonly dropped: number;
}

/** Every nth datagram of each direction is lost. */
export function everyNthLost(n: number): Fate {
  return (_datagram, index) => (index + 1) % n === 0 ? 0 : 1;
}

/** Starts one before a server, on a free port. Each client gets a socket of its own to it. */
export function udpRelay(serverPort: number, fate: Fate): UdpRelay {
  const front = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const server = { transport: "udp", hostname: "127.0.0.1", port: serverPort } as const;
  const backs = new Map<number, Deno.DatagramConn>();
  const counts = { "to server": 0, "to client": 0 };
  let passed = 0;
  let dropped = 0;
  let isClosed = false;

  const pass = async (
    datagram: Uint8Array,
    direction: keyof typeof counts,
    send: (datagram: Uint8Array) => Promise<unknown>,
  ) => {
    const copies = fate(datagram, counts[direction]++, direction);
    if (copies === 0) dropped++;
    for (let copy = 0; copy < copies && !isClosed; copy++) {
      passed++;
      try {
        await send(datagram);
      } catch (error) {
        // Clients that are done leave datagrams behind.
        if (!isClosed) throw error;
      }
    }
  };
  const back = (client: Deno.NetAddr): Deno.DatagramConn => {
    const known = backs.get(client.port);
    if (known !== undefined) return known;
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    backs.set(client.port, socket);
    void (async () => {
      for await (const [datagram] of socket) {
        await pass(datagram, "to client", (bytes) => front.send(bytes, client));
      }
    })();
    return socket;
  };
  void (async () => {
    for await (const [datagram, from] of front) {
      if (from.transport !== "udp" || isClosed) continue;
      const socket = back(from);
      await pass(datagram, "to server", (bytes) => socket.send(bytes, server));
    }
  })();
  return {
    port: (front.addr as Deno.NetAddr).port,
    get passed() {
      return passed;
    },
    get dropped() {
      return dropped;
    },
    [Symbol.dispose]() {
      isClosed = true;
      front.close();
      for (const socket of backs.values()) socket.close();
    },
  };
}
