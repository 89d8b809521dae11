import { isIP } from "node:net";
import { TextLineStream } from "@std/streams";
import { isLoopback } from "../net/access.ts";
import { deadline } from "../net/connection_problem.ts";
import { dial } from "../net/dial.ts";
import { isName, NAME_WORDS } from "../protocols/tracker/names.ts";
import { PeerChat } from "../protocols/tracker/peer_chat.ts";
import type { ChatEvent } from "../protocols/tracker/peer_chat_events.ts";
import { TrackerClient } from "../protocols/tracker/tracker_client.ts";
import { printNote, printResult } from "../terminal/output.ts";
import { TypedLines } from "../terminal/typed_lines.ts";
import { printableJson } from "../terminal/printable.ts";
import { CHAT_HELP, chatLine, parseChatLine } from "./chat_lines.ts";
import { type Command, defineCommand, EXIT, type ExitCode, UsageError } from "./command.ts";
import { credentials, httpUrl, text, toggle, token, wholeNumber } from "./flag_values.ts";
import { peerKey } from "./peer_key_file.ts";

const CONNECT_MS = 10_000;

/** `transfer tracker chat`: talks to other peers, directly where that is possible. */
export const trackerChat: Command = defineCommand({
  name: "tracker chat",
  summary: "Talk to other peers, directly or through the tracker",
  examples: [
    ["transfer tracker chat --name alice", "At the tracker of this machine"],
    ["transfer tracker chat --name alice --tracker https://chat.example.org/", "At another one"],
  ],
  arguments: "",
  details: `
What you type is said in the channel. Lines that begin with a slash are commands:

${CHAT_HELP.replaceAll(/^/gm, "  ")}

A message goes from peer to peer where the peer can be reached, and through the tracker
where not; each line shows which. The first use of a name binds it to your key, so that
nobody else can use it. What goes from peer to peer is signed at the start, and not encrypted.

Without a terminal it reads lines and writes JSON, one event a line.`,
  flags: {
    tracker: {
      summary: "URL of the tracker",
      valueName: "URL",
      default: "http://localhost:8001",
      parse: httpUrl,
    },
    name: { summary: "What you are called", valueName: "NAME", parse: peerName },
    channel: { summary: "Channel to enter", valueName: "CHANNEL", default: "general", parse: channelName },
    host: {
      summary: "Address to listen on for other peers; default: the one that the tracker is reached from",
      valueName: "HOST",
      parse: text,
    },
    port: {
      summary: "Port to listen on, 0 for a free one",
      valueName: "PORT",
      default: "0",
      parse: wholeNumber(0, 65_535),
    },
    advertise: {
      summary: "Where others are told to connect to, when that is another place than here",
      valueName: "IP:PORT",
      parse: advertisedAt,
    },
    key: { summary: "File of your key; made when it is not there", valueName: "FILE", parse: text },
    user: {
      summary: "Log in to the tracker; better set by TRANSFER_USER, which other users can't see",
      valueName: "NAME:PASSWORD",
      isSecret: true,
      parse: credentials,
    },
    token: {
      summary: "The tracker's token; better set by TRANSFER_TOKEN, which other users can't see",
      valueName: "TOKEN",
      isSecret: true,
      parse: token,
    },
    ca: {
      summary: "PEM file of certificate authorities to trust besides the system's",
      valueName: "FILE",
      parse: text,
    },
    json: { summary: "Write JSON also to a terminal", default: "false", parse: toggle },
  },
  async run({ name, channel, ca, json, ...values }, { signal: stop }) {
    if (name === undefined) throw new UsageError("Who are you? --name NAME");
    const isJson = json || !Deno.stdin.isTerminal() || !Deno.stdout.isTerminal();
    const interrupt = new AbortController();
    const signal = AbortSignal.any([stop, interrupt.signal]);
    const key = await peerKey(values.key);
    using trust = ca === undefined ? undefined : await (await import("./tls_flags.ts")).trusted(ca);
    const tracker = new TrackerClient({
      url: values.tracker,
      key,
      token: values.token,
      client: trust?.client,
    }, signal);
    if (values.user !== undefined) await tracker.login(values.user.name, values.user.password);
    const place = await placeOf(values, signal);
    using typed = isJson
      ? undefined
      : new TypedLines({ prompt: "> ", onInterrupt: () => interrupt.abort("SIGINT") });
    const print = (line: string) => typed === undefined ? printResult(line) : typed.print(line);
    const told = (event: ChatEvent) => {
      const line = isJson ? printableJson(event) : chatLine(event);
      if (line !== undefined) print(line);
    };
    await using chat = new PeerChat({
      id: name,
      key,
      tracker,
      isLocal: isLoopback(new URL(values.tracker).hostname),
      ...place,
      port: values.port,
      channel,
      onEvent: told,
    });
    const help = () => typed === undefined ? printNote(CHAT_HELP) : typed.print(CHAT_HELP);
    return await converse(chat, { lines: typed?.lines ?? pipedLines(), signal, told, help });
  },
});

function peerName(value: string): string {
  const normal = value.normalize("NFC");
  if (!isName(normal)) throw new RangeError(NAME_WORDS);
  return normal;
}

/** As it is typed elsewhere, with or without its sign. */
function channelName(value: string): string {
  return peerName(value.replace(/^#/, ""));
}

function pipedLines(): ReadableStream<string> {
  return Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
}

/** What {@linkcode converse} needs. */
interface Conversation {
  readonly lines: ReadableStream<string>;
  readonly signal: AbortSignal;
  readonly told: (event: ChatEvent) => void;
  readonly help: () => void;
}

/** Does what lines say, one after the other, until they end. */
async function converse(
  chat: PeerChat,
  { lines: typed, signal, told, help }: Conversation,
): Promise<ExitCode> {
  const lines = typed.getReader();
  const stopped = new Promise<"stopped">((resolve) => {
    signal.addEventListener("abort", () => resolve("stopped"), { once: true });
  });
  // Rejects when the tracker does not want us: the name is another's, say.
  const over = chat.over.then(() => "stopped" as const);
  // What is piped in may be there before we are.
  if (await Promise.race([chat.ready, stopped, over]) === "stopped") return EXIT.interrupted;
  for (;;) {
    const next = await Promise.race([lines.read(), stopped, over]);
    if (next === "stopped") return signal.aborted ? EXIT.interrupted : EXIT.done;
    if (next.done) return EXIT.done;
    const command = parseChatLine(next.value);
    if (command.kind === "quit") return EXIT.done;
    try {
      await obey(chat, command, { told, help });
    } catch (error) {
      if (signal.aborted) return EXIT.interrupted;
      told({ event: "error", error: error instanceof Error ? error.message : String(error) });
    }
  }
}

async function obey(
  chat: PeerChat,
  command: ReturnType<typeof parseChatLine>,
  { told, help }: Pick<Conversation, "told" | "help">,
): Promise<void> {
  switch (command.kind) {
    case "say":
      return await chat.say(command.text);
    case "msg":
      return await chat.tell(command.to, command.text);
    case "join":
      return await chat.join(command.channel);
    case "who":
      return await chat.who();
    case "help":
      return help();
    case "wrong":
      return told({ event: "error", error: command.reason });
    case "nothing":
    case "quit":
      return;
  }
}

/** Where others connect to. */
interface PeerPlace {
  /** What is listened on. */
  readonly host: string;
  /** What others are told; without a port that of the listener. */
  readonly advertised: { readonly ip: string; readonly port: number | undefined };
}

async function placeOf(
  { tracker, host, advertise }: {
    readonly tracker: string;
    readonly host: string | undefined;
    readonly advertise: { readonly ip: string; readonly port: number } | undefined;
  },
  signal: AbortSignal,
): Promise<PeerPlace> {
  const here = await localAddress(tracker, signal);
  const listened = host ?? here;
  return {
    host: listened,
    advertised: advertise ?? { ip: isAny(listened) ? here : listened, port: undefined },
  };
}

/** The address of this machine that the tracker is reached from. */
async function localAddress(url: string, signal: AbortSignal): Promise<string> {
  const { protocol, hostname, port } = new URL(url);
  const message = `${hostname} did not answer within ${CONNECT_MS / 1000} s`;
  using limit = deadline({ timeoutMs: CONNECT_MS, message, signal });
  const endpoint = {
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
  };
  using conn = await dial(endpoint, { signal: limit.signal });
  return conn.localAddr.transport === "tcp" ? conn.localAddr.hostname : endpoint.hostname;
}

function isAny(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** @throws {RangeError} It is not an address with a port. */
function advertisedAt(value: string): { readonly ip: string; readonly port: number } {
  const [, bracketed, bare = "", digits] = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(value) ?? [];
  const ip = bracketed ?? bare;
  const port = Number(digits);
  if (isIP(ip) === 0 || !(port >= 1 && port <= 65_535)) {
    throw new RangeError("an address with a port, such as 192.0.2.1:9000 or [2001:db8::1]:9000");
  }
  return { ip, port };
}
