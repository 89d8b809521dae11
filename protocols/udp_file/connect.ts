import { randomBytes } from "node:crypto";
import { ConnectionProblem } from "../../net/connection_problem.ts";
import { admittedAddresses, type Endpoint, printed } from "../../net/dial.ts";
import { encodeLeave, NONCE_BYTES } from "./handshake.ts";
import { Opening, type OpeningState } from "./opening.ts";
import { CLOSE_CODE } from "./packets.ts";
import { isLoopbackAddress, nowUs, UdpSocket } from "./udp_socket.ts";

/** Where a server is, and how it is spoken to. */
export interface ServerAccess {
  readonly endpoint: Endpoint;
  /** Both sides prove that they know it. */
  readonly token: string | undefined;
  /** How the server is to keep from overloading the path. */
  readonly congestion: "rate" | "cubic";
  /** What the server is to send at most, in bytes a second. */
  readonly maxBytesPerSecond: number | undefined;
}

/** A server that has answered. The socket is the caller's to dispose of, and gives its datagrams to `receiver`. */
export interface Answered {
  readonly socket: UdpSocket;
  readonly to: Deno.NetAddr;
  readonly state: Extract<OpeningState, { kind: "opened" | "plain" }>;
  /** Bytes of files that the server was told the client has memory for. */
  readonly windowBytes: number;
  /** Whether the path does not leave the machine. */
  readonly isLoopback: boolean;
  /** Takes the datagrams that come from now on. */
  deliverTo(receiver: (datagram: Uint8Array<ArrayBuffer>, from: Deno.NetAddr) => void): void;
}

/** Bytes of files that the client has memory for. */
const WINDOW_BYTES = 16 * 1024 * 1024;
/** The same within a machine, where less than a hundredth of it is under way. */
const LOOPBACK_WINDOW_BYTES = 4 * 1024 * 1024;
/** Datagrams that are kept of those that come with ACCEPT. */
const MAX_EARLY = 64;
/** After this time without an answer the next address is tried as well (RFC 8305 section 5). */
const NEXT_ADDRESS_MS = 250;

/**
 * Finds out which address of a server answers, what it speaks there, and opens a connection.
 *
 * @param options `firstLine` is said with OPEN, so that its answer comes a round trip sooner. `signal` ends it.
 * @throws {ConnectionProblem} Nothing answers, or the server does not want to.
 * @throws The reason of `signal`.
 */
export async function openServer(
  access: ServerAccess,
  { signal, firstLine }: { readonly signal: AbortSignal; readonly firstLine?: string | undefined },
): Promise<Answered> {
  const { endpoint } = access;
  const addresses = await admittedAddresses(endpoint.hostname, { signal });
  const losers = new AbortController();
  const attempts = addresses.map((address, index) => {
    return attempt(access, {
      address,
      delayMs: index * NEXT_ADDRESS_MS,
      firstLine,
      signal: AbortSignal.any([signal, losers.signal]),
    });
  });
  let winner: Answered | undefined;
  try {
    return winner = await Promise.any(attempts);
  } catch (error) {
    signal.throwIfAborted();
    const problems: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
    throw problems.find((problem) => problem instanceof ConnectionProblem && problem.isFinal) ?? problems[0];
  } finally {
    losers.abort();
    for (const ended of await Promise.allSettled(attempts)) {
      // Two can be answered at once, before the abort of the others has any effect.
      if (ended.status === "fulfilled" && ended.value !== winner) ended.value.socket[Symbol.dispose]();
    }
  }
}

/** Opens a connection to one address. */
async function attempt(
  access: ServerAccess,
  { address, delayMs, firstLine, signal }: {
    readonly address: string;
    readonly delayMs: number;
    readonly firstLine: string | undefined;
    readonly signal: AbortSignal;
  },
): Promise<Answered> {
  if (delayMs > 0) await sleep(delayMs, signal);
  const hostname = canonical(address);
  const isLoopback = isLoopbackAddress(hostname);
  const windowBytes = isLoopback ? LOOPBACK_WINDOW_BYTES : WINDOW_BYTES;
  const opening = new Opening({
    nowUs: nowUs(),
    nonce: randomBytes(NONCE_BYTES),
    token: access.token,
    creditBytes: windowBytes,
    congestion: access.congestion,
    maxBytesPerSecond: access.maxBytesPerSecond,
    firstLine,
  });
  const asking = new Asking(opening, { transport: "udp", hostname, port: access.endpoint.port });
  const { socket, to } = asking;
  try {
    const state = usable(await asking.answer(signal), access, socket);
    return { socket, to, state, windowBytes, isLoopback, deliverTo: (next) => asking.deliverTo(next) };
  } catch (error) {
    socket[Symbol.dispose]();
    throw error;
  }
}

/** Carries out what an opening decides, over a socket of its own. */
class Asking {
  readonly socket: UdpSocket;
  readonly to: Deno.NetAddr;
  readonly #opening: Opening;
  /** What comes with ACCEPT, before anybody is there to take it. */
  readonly #early: Uint8Array<ArrayBuffer>[] = [];
  #wake = () => {};
  #receiver = (datagram: Uint8Array<ArrayBuffer>, from: Deno.NetAddr) => this.#take(datagram, from);

  constructor(opening: Opening, to: Deno.NetAddr) {
    this.#opening = opening;
    this.to = to;
    this.socket = new UdpSocket({
      hostname: to.hostname.includes(":") ? "::" : "0.0.0.0",
      port: 0,
      onDatagram: (datagram, from) => this.#receiver(datagram, from),
    });
  }

  /** Asks until there is an answer, or none is waited for any more. @throws The reason of `signal`. */
  async answer(signal: AbortSignal): Promise<OpeningState> {
    const opening = this.#opening;
    while (opening.state.kind === "asking") {
      const datagram = opening.next(nowUs());
      if (datagram !== undefined) this.socket.sendCopy(datagram, this.to);
      if (opening.state.kind !== "asking") break;
      await Promise.race([
        new Promise<void>((resolve) => this.#wake = resolve),
        sleep(Math.max(0, (opening.wakeAtUs - nowUs()) / 1000), signal),
      ]);
      signal.throwIfAborted();
    }
    const { state } = opening;
    // Else the server would wait for it.
    if (state.kind === "untrusted") this.socket.sendCopy(encodeLeave(state.connection), this.to);
    return state;
  }

  deliverTo(receiver: (datagram: Uint8Array<ArrayBuffer>, from: Deno.NetAddr) => void): void {
    this.#receiver = receiver;
    for (const datagram of this.#early) receiver(datagram, this.to);
  }

  #take(datagram: Uint8Array<ArrayBuffer>, { hostname, port }: Deno.NetAddr): void {
    if (port !== this.to.port || hostname !== this.to.hostname) return;
    const { kind } = this.#opening.state;
    if (kind === "opened" && this.#early.length < MAX_EARLY) this.#early.push(datagram.slice());
    this.#opening.receive(datagram, nowUs());
    this.#wake();
  }
}

/** What a server has answered, if it can be spoken to then. @throws {ConnectionProblem} */
function usable(
  state: OpeningState,
  { endpoint, token }: ServerAccess,
  socket: UdpSocket,
): Answered["state"] {
  if (state.kind !== "opened" && state.kind !== "plain") throw problemOf(state, endpoint, socket);
  if (state.kind === "plain" && token !== undefined) {
    throw refusal("The server asks for no token, so it can't prove that it is the right one");
  }
  return state;
}

function problemOf(
  state: Exclude<OpeningState, { kind: "opened" | "plain" }>,
  endpoint: Endpoint,
  socket: UdpSocket,
): ConnectionProblem {
  switch (state.kind) {
    case "refused": {
      if (state.code === CLOSE_CODE.notAuthenticated) {
        return refusal(`The server wants a token: ${state.reason}`);
      }
      return new ConnectionProblem(`The server says: ${state.reason}`);
    }
    case "untrusted":
      return refusal("The server does not know the token itself: it is not the right one");
    default: {
      const why = socket.problem === undefined ? "" : `: ${socket.problem}`;
      return new ConnectionProblem(`${printed(endpoint)} does not answer${why}`);
    }
  }
}

/** What gets no better by trying again. */
function refusal(message: string): ConnectionProblem {
  return new ConnectionProblem(message, { isFinal: true });
}

/** An address as the system writes it where a datagram comes from. */
function canonical(address: string): string {
  return address.includes(":") ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}

/** Waits; ends early, without an error, when the signal comes. */
async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const end = () => resolve();
  signal.addEventListener("abort", end, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", end);
}
