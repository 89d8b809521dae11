/** A link to a server of this machine that carries no more than 64 KiB each `delayMs` towards it. */
export interface SlowLink extends AsyncDisposable {
  readonly ws: string;
  /** 0: as fast as it can. */
  delayMs: number;
}

const PIECE_BYTES = 65_536;

/** Starts a {@linkcode SlowLink} on a free port: 3 MB/s for each connection. */
export function slowLink(serverPort: number): SlowLink {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Promise<unknown>>();
  const link: SlowLink = {
    ws: `ws://127.0.0.1:${listener.addr.port}/ws`,
    delayMs: 20,
    async [Symbol.asyncDispose]() {
      link.delayMs = 0;
      listener.close();
      await serving;
      await Promise.all(open);
    },
  };
  const serving = (async () => {
    for await (const near of listener) {
      const far = await Deno.connect({ hostname: "127.0.0.1", port: serverPort });
      const carrying: Promise<unknown> = Promise.allSettled([
        near.readable.pipeThrough(slowly(link)).pipeTo(far.writable),
        far.readable.pipeTo(near.writable),
      ]).finally(() => open.delete(carrying));
      open.add(carrying);
    }
  })();
  return link;
}

function slowly(
  link: { readonly delayMs: number },
): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  return new TransformStream({
    async transform(bytes, controller) {
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        controller.enqueue(bytes.subarray(at, at + PIECE_BYTES));
        if (link.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, link.delayMs));
      }
    },
  });
}
