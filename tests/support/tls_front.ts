/** TLS in front of a plain server, as a reverse proxy does it, over HTTP/1.1 alone. */
export interface TlsFront extends AsyncDisposable {
  readonly port: number;
}

/** Starts a {@linkcode TlsFront} on a free port of loopback. */
export function tlsFront(
  backPort: number,
  identity: { readonly cert: string; readonly key: string },
): TlsFront {
  const listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    alpnProtocols: ["http/1.1"],
    ...identity,
  });
  const open = new Set<Promise<void>>();
  const serving = (async () => {
    // A client that breaks off its handshake is no reason to end.
    while (true) {
      let front: Deno.TlsConn;
      try {
        front = await listener.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) return;
        continue;
      }
      const carrying = carry(front, backPort).finally(() => open.delete(carrying));
      open.add(carrying);
    }
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
      await Promise.all(open);
    },
  };
}

async function carry(front: Deno.TlsConn, backPort: number): Promise<void> {
  try {
    await front.handshake();
    const back = await Deno.connect({ hostname: "127.0.0.1", port: backPort });
    await Promise.allSettled([front.readable.pipeTo(back.writable), back.readable.pipeTo(front.writable)]);
  } catch {
    // The client did not like the certificate.
    front.close();
  }
}
