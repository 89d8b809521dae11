/**
 * Processor time and memory of processes with all their descendants, from Linux' /proc. Nothing else in the
 * benchmarks measures these.
 */

const TICKS_A_SECOND = 100;
const POLL_MS = 10;
/** Every so many polls the descendants are looked for again, which reads all of /proc. */
const POLLS_A_SEARCH = 25;

/** What a round cost. */
export interface Effort {
  /**
   * MB, the high-water marks (VmHWM) of all processes that live at a time, added up; what a process took in its last
   * 10 ms, and descendants that live less than 250 ms, are not seen. `undefined`: no process of its own did this
   * side's work, or it was gone before anybody could look.
   */
  readonly clientMb: number | undefined;
  /** As `clientMb`, since the server's start. */
  readonly serverMb: number | undefined;
  /** Seconds of processor time, user and system. */
  readonly clientCpu: number | undefined;
  readonly serverCpu: number | undefined;
}

interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** Ticks of its own, and of descendants that ended and were waited for. */
  readonly own: number;
  readonly ended: number;
}

/** Processes of one side, and the most that all of them together were seen to have. */
class Watched {
  readonly #roots = new Set<number>();
  #known = new Set<number>();
  #mostMb = 0;

  add(pid: number): void {
    this.#roots.add(pid);
    this.#known.add(pid);
    this.poll(false);
  }

  /** Looks at those that are known, or also for those that came. */
  poll(isSearch: boolean): void {
    if (isSearch) this.#known = new Set(tree(this.#roots).keys());
    let mb = 0;
    for (const pid of this.#known) mb += highWaterMb(pid) ?? 0;
    this.#mostMb = Math.max(this.#mostMb, mb);
  }

  /** Seconds of those that live. */
  cpu(): number {
    let ticks = 0;
    for (const { own, ended } of tree(this.#roots).values()) ticks += own + ended;
    return ticks / TICKS_A_SECOND;
  }

  get isUsed(): boolean {
    return this.#roots.size > 0;
  }

  mb(): number | undefined {
    return this.#mostMb === 0 ? undefined : this.#mostMb;
  }
}

/** Does something, and measures what that costs processes that serve, and those that are added meanwhile. */
export async function observed<T>(
  servers: readonly number[],
  task: (add: (pid: number) => void) => Promise<T>,
): Promise<{ readonly result: T; readonly effort: Effort }> {
  const [server, client] = [new Watched(), new Watched()];
  for (const pid of servers) server.add(pid);
  const before = { server: server.cpu(), client: endedCpu() };
  let polls = 0;
  const timer = setInterval(() => {
    const isSearch = polls++ % POLLS_A_SEARCH === 0;
    client.poll(isSearch);
    if (isSearch) server.poll(isSearch);
  }, POLL_MS);
  try {
    const result = await task((pid) => client.add(pid));
    server.poll(true);
    const [clientMb, serverMb] = [client.mb(), server.mb()];
    return {
      result,
      effort: {
        clientMb,
        serverMb,
        // All children that ended meanwhile were clients: servers live longer than a round.
        clientCpu: !client.isUsed ? undefined : endedCpu() - before.client,
        serverCpu: !server.isUsed ? undefined : server.cpu() - before.server,
      },
    };
  } finally {
    clearInterval(timer);
  }
}

/** What a process has of memory now, in KB (VmRSS); NaN: it is gone. */
export function residentKb(pid: number): number {
  return statusKb(pid, "VmRSS") ?? NaN;
}

/** Whether a process, in the network namespace that it is in, has a socket bound to a port: TCP's listens. */
export function isBound(pid: number, port: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return [["tcp", "0A"], ["tcp6", "0A"], ["udp", "07"], ["udp6", "07"]].some(([table, state]) => {
    return readText(`/proc/${pid}/net/${table}`)?.split("\n").some((line) => {
      const [, address = "", , found] = line.trim().split(/\s+/);
      return found === state && address.endsWith(local);
    });
  });
}

/** Seconds of the children of this process that ended. */
function endedCpu(): number {
  return (stat(Deno.pid)?.ended ?? 0) / TICKS_A_SECOND;
}

/** Processes with their descendants, as far as they live. */
function tree(roots: ReadonlySet<number>): ReadonlyMap<number, Stat> {
  const all = new Map<number, Stat>();
  for (const { name } of Deno.readDirSync("/proc")) {
    const found = /^\d+$/.test(name) ? stat(Number(name)) : undefined;
    if (found !== undefined) all.set(found.pid, found);
  }
  const belongs = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = all.get(at)?.parent) {
      if (roots.has(at)) return true;
    }
    return false;
  };
  return new Map(all.entries().filter(([pid]) => belongs(pid)));
}

/** proc(5), /proc/pid/stat: what stands behind the name, which may hold spaces and parentheses. */
function stat(pid: number): Stat | undefined {
  const text = readText(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const number = (index: number) => Number(fields[index - 3]);
  return { pid, parent: number(4), own: number(14) + number(15), ended: number(16) + number(17) };
}

function highWaterMb(pid: number): number | undefined {
  const kb = statusKb(pid, "VmHWM");
  return kb === undefined ? undefined : kb * 1024 / 1e6;
}

function statusKb(pid: number, field: string): number | undefined {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readText(`/proc/${pid}/status`) ?? "")?.[1];
  return found === undefined ? undefined : Number(found);
}

/** `undefined`: the process is gone. */
function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
