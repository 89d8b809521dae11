import type { Logger } from "@logtape/logtape";
import { isLoopback } from "../net/access.ts";
import { hashPassword } from "../protocols/tracker/passwords.ts";
import { startTracker, type TrackerServerOptions } from "../protocols/tracker/server.ts";
import { isUserName, parseUsers } from "../protocols/tracker/users_file.ts";
import { setUpLog } from "../terminal/log.ts";
import { printResult } from "../terminal/output.ts";
import { printable } from "../terminal/printable.ts";
import { chatAssets } from "../web/chat_assets.ts";
import { type Command, defineCommand, UsageError } from "./command.ts";
import { denialLog, errorLog } from "./denial_log.ts";
import { lines, origins, text, toggle, token, wholeNumber } from "./flag_values.ts";
import { listening, untilAborted, urlHost } from "./listening.ts";
import {
  aliasedListenFlags,
  certificateFlags,
  listenAddress,
  logFlags,
  perAddressFlag,
} from "./serving_flags.ts";
import { reloadOnHangUp, servedCertificate } from "./tls_flags.ts";
import { historyLimits, lastingTime } from "./tracker_flags.ts";

/** `transfer tracker serve`: peers find each other here, and talk. */
export const trackerServe: Command = defineCommand({
  name: "tracker",
  summary: "Let peers find each other and talk, with a web page",
  examples: [
    ["transfer tracker", "For this machine alone; a page to talk on is http://localhost:8001/"],
    [
      "transfer tracker --host 0.0.0.0 --users users.txt --history 10000,30d",
      "For others too, who log in; keeps the last 10,000 messages, for 30 days",
    ],
  ],
  arguments: "",
  details: `
Open the address it prints in a browser, or speak to it with "transfer tracker chat",
curl, or any program; what it understands is at /docs. Messages are kept in a database
and survive a restart.`,
  flags: {
    ...aliasedListenFlags(8001),
    db: {
      summary: "Database; :memory: for none",
      valueName: "FILE",
      default: "chat.db",
      parse: text,
    },
    peerTtl: {
      summary: "A peer that made no request for so long is gone",
      valueName: "TIME",
      default: "90s",
      parse: lastingTime,
    },
    history: {
      summary: "Messages kept of each channel and conversation, and for how long, such as 10000,30d",
      valueName: "N[,TIME]",
      default: "10000,30d",
      parse: historyLimits,
    },
    user: {
      summary: "Somebody who may log in, as NAME:PASSWORD; other users of this machine can see it, so " +
        "better TRANSFER_USER, or --users; may be repeated",
      valueName: "NAME:PASSWORD",
      default: "",
      isList: true,
      separator: "\n",
      isSecret: true,
      parse: lines,
    },
    users: {
      summary: 'File of users, as "tracker user add" writes it',
      valueName: "FILE",
      parse: text,
    },
    token: {
      summary: "Let programs in with this token; better set by TRANSFER_TOKEN, which other users can't see",
      valueName: "TOKEN",
      parse: token,
      isSecret: true,
    },
    allowOrigin: {
      summary: "Web origin that may use this tracker besides its own page; may be repeated",
      valueName: "ORIGIN",
      default: "",
      isList: true,
      parse: origins,
    },
    ...certificateFlags("serve https and wss"),
    maxRate: {
      summary: "Requests a second from one address, 0 for no limit; this machine has none",
      valueName: "N",
      default: "100",
      parse: wholeNumber(0, 1_000_000),
    },
    maxPeerRate: {
      summary: "Messages a second of one peer, 0 for no limit; this machine has none",
      valueName: "N",
      default: "20",
      parse: wholeNumber(0, 1_000_000),
    },
    ...perAddressFlag({ perAddress: 256, but: "; this machine may have all" }),
    behindProxy: {
      summary: "Take a client's address from the X-Forwarded-For of a reverse proxy on this machine",
      default: "false",
      parse: toggle,
    },
    ...logFlags(),
  },
  async run(values, { signal }) {
    const { host, port } = listenAddress(values);
    const log = setUpLog({ format: values.log, quiet: values.quiet });
    const { tls, files } = await servedCertificate(log, values);
    const users = await usersOf(values);
    warnOfRisks(log, {
      host,
      isOpen: users.size === 0 && values.token === undefined,
      isPlain: tls === undefined,
    });
    using denials = denialLog(log, "requests");
    using errors = errorLog(log);
    const options: TrackerServerOptions = {
      ...values,
      host,
      port,
      tls,
      users,
      peerTtlMs: values.peerTtl,
      historyCount: values.history.count,
      historyMs: values.history.ageMs,
      allowedOrigins: values.allowOrigin,
      rates: { perAddress: values.maxRate, perPeer: values.maxPeerRate },
      page: chatAssets,
      onDenied: ({ reason, ...properties }) => denials.deny(reason, properties),
      onError: (error) => errors.fail(error),
    };
    const server = await listening({ host, port }, () => startTracker(options));
    const secure = tls === undefined ? "" : "s";
    printResult(`Chat page: http${secure}://${urlHost(host)}:${server.port}/`);
    log.info("listening", { url: `http${secure}://${urlHost(host)}:${server.port}`, db: values.db });
    reloadOnHangUp(log, { server, files });
    return await untilAborted(signal, { log, stop: () => server.close() });
  },
});

/** Those of the file, and those that were named. @throws {UsageError} One of them is not understood. */
async function usersOf(
  { user, users: path }: { readonly user: readonly string[]; readonly users: string | undefined },
): Promise<ReadonlyMap<string, string>> {
  const users = path === undefined ? new Map<string, string>() : await readUsers(path);
  for (const each of user) {
    const colon = each.indexOf(":");
    const name = each.slice(0, Math.max(0, colon));
    if (!isUserName(name) || colon === each.length - 1) {
      throw new UsageError("--user: expected NAME:PASSWORD, the name without colon and control characters");
    }
    users.set(name, await hashPassword(each.slice(colon + 1)));
  }
  return users;
}

async function readUsers(path: string): Promise<Map<string, string>> {
  try {
    return parseUsers(await Deno.readTextFile(path));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--users ${printable(path)}: ${why}`, { cause: error });
  }
}

function warnOfRisks(
  log: Logger,
  { host, isOpen, isPlain }: { readonly host: string; readonly isOpen: boolean; readonly isPlain: boolean },
): void {
  if (isLoopback(host)) return;
  if (isOpen) {
    log.warn(
      "OPEN: anyone who reaches this address can read and write everything; set --users or TRANSFER_TOKEN",
      {
        host,
      },
    );
  } else if (isPlain) {
    log.warn("passwords and cookies go unencrypted: set --tls-cert, or put a proxy with TLS before it", {
      host,
    });
  }
}
