/**
 * Two network namespaces that a program joins by a link with delay, rate and loss: NAME-a (10.77.0.1) and NAME-b
 * (10.77.0.2). Needs root. The program takes `--delay MS` (one way), `--rate MBIT`, `--queue KB`, `--loss PERCENT`
 * and `--prefix NAME`, prints a line with "ready", and removes the namespaces when it gets SIGINT.
 */

import { TextLineStream } from "@std/streams";
import { type Link, Missing, type Place } from "./contender.ts";
import { isInstalled } from "./processes.ts";

const ADDRESS = { a: "10.77.0.1", b: "10.77.0.2" } as const;

/** Both sides on this machine, without a link. */
export const LOOPBACK: Place = {
  address: "127.0.0.1",
  clientAddress: "127.0.0.1",
  server: [],
  client: [],
};

/**
 * Makes a link, runs the task with servers at its end a and clients at b, and takes it down.
 *
 * @throws {Missing} There is no program that makes links, or it can't make this one.
 */
export async function withLink<T>(
  link: Link,
  netlab: string | undefined,
  task: (place: Place) => Promise<T>,
): Promise<T> {
  if (netlab === undefined) {
    throw new Missing("a program that makes links: --netlab or TRANSFER_NETLAB names it");
  }
  if (!isInstalled(netlab)) throw new Missing(`${netlab} is not there`);
  const prefix = `bench-${Deno.pid}`;
  const flags = Object.entries({ ...link, prefix }).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = new Deno.Command(netlab, { args: flags, stdin: "null", stdout: "piped", stderr: "piped" })
    .spawn();
  const errors = new Response(child.stderr).text();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())
    .getReader();
  try {
    const { value } = await lines.read();
    if (value?.includes("ready") !== true) throw new Missing(`a link: ${await errors}`);
    const inside = (end: "a" | "b") => ["ip", "netns", "exec", `${prefix}-${end}`];
    return await task({
      address: ADDRESS.a,
      clientAddress: ADDRESS.b,
      server: inside("a"),
      client: inside("b"),
    });
  } finally {
    try {
      child.kill("SIGINT");
    } catch {
      // It has ended by itself.
    }
    await child.status;
    await lines.cancel();
    await errors;
  }
}
