let collect: (() => void) | undefined;

/**
 * Collects all garbage, which takes 10 to 20 ms; nothing where the runtime does not let a program do that. Some of it
 * gets into V8's old generation, where V8 looks only when the heap has grown to four times what is in use: 50 MB more
 * than are needed. Deno 2.9 leaves about 100 bytes there with each datagram that it receives (the keys of the address,
 * as external strings), and a small file that is given out about 700.
 */
export async function collectOldGarbage(): Promise<void> {
  collect ??= await collector();
  collect();
}

/** V8 has a function for it that is not shown to programs which do not ask for it. */
async function collector(): Promise<() => void> {
  const gc = shown() ?? await uncovered();
  return typeof gc === "function" ? () => void gc() : () => {};
}

/** The binary is built to show it, as not every version of Deno lets it be uncovered. */
function shown(): unknown {
  return Reflect.get(globalThis, "gc");
}

async function uncovered(): Promise<unknown> {
  const [{ setFlagsFromString }, { runInNewContext }] = await Promise.all([
    import("node:v8"),
    import("node:vm"),
  ]);
  setFlagsFromString("--expose-gc");
  return runInNewContext("globalThis.gc");
}
