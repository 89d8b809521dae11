import type { Alarm } from "./alarms.ts";
import type { CopyMemory } from "./copy_memory.ts";
import type { StreamReader } from "./stream_reader.ts";

/** One end of a tunnel. */
export interface TunnelEnd {
  readonly reader: StreamReader;
  write(bytes: Uint8Array): Promise<void>;
  end(): Promise<void>;
  close(): void;
}

/**
 * Passes bytes both ways, each no faster than the other side takes them, until both sides have ended. The end of one
 * is passed on, and the other goes on.
 *
 * @param options `alarm` is set again with each piece; when it rings, the ends are to be closed.
 * @throws {Error} One of them failed; both are closed.
 */
export async function passTunnel(
  [one, other]: readonly [TunnelEnd, TunnelEnd],
  options: { readonly alarm: Alarm; readonly idleMs: number; readonly memory: CopyMemory },
): Promise<void> {
  const ways = [passOneWay(one, other, options), passOneWay(other, one, options)];
  try {
    await Promise.all(ways);
  } finally {
    one.close();
    other.close();
    // Nobody uses a buffer of theirs after this.
    await Promise.allSettled(ways);
  }
}

async function passOneWay(
  from: TunnelEnd,
  to: TunnelEnd,
  { alarm, idleMs, memory }: Parameters<typeof passTunnel>[1],
): Promise<void> {
  const { reader } = from;
  for (;;) {
    if (reader.length === 0) {
      alarm.set(idleMs);
      if (reader.isFull) reader.widen(memory);
      if (!await reader.fill()) break;
    }
    const { bytes } = reader;
    alarm.set(idleMs);
    await to.write(bytes);
    reader.consume(bytes.length);
  }
  await to.end();
}
