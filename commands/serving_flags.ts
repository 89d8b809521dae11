/** Flags that several commands which serve have; `--help` shows them in the order in which a command lists them. */

import { logFormat, text, toggle, token, wholeNumber } from "./flag_values.ts";

const portNumber = wholeNumber(0, 65_535);

/** Where a server listens: on this machine only, unless told. */
export function listenFlags(defaultPort: number) {
  return {
    host: { summary: "Address to listen on", valueName: "HOST", default: "127.0.0.1", parse: text },
    port: {
      summary: "Port to listen on, 0 for a free one",
      valueName: "PORT",
      default: String(defaultPort),
      parse: portNumber,
    },
  } as const;
}

/** As {@linkcode listenFlags}, with second names of both, which {@linkcode listenAddress} resolves. */
export function aliasedListenFlags(defaultPort: number) {
  const { host, port } = listenFlags(defaultPort);
  return {
    host: { ...host, summary: `${host.summary}; --server-ip is another name of it` },
    port: { ...port, summary: `${port.summary}; --server-port is another name of it` },
    serverIp: { summary: "As --host", valueName: "HOST", parse: text },
    serverPort: { summary: "As --port", valueName: "PORT", parse: portNumber },
  } as const;
}

/** What {@linkcode aliasedListenFlags} say together: the second names win. */
export function listenAddress(values: {
  readonly host: string;
  readonly port: number;
  readonly serverIp: string | undefined;
  readonly serverPort: number | undefined;
}): { readonly host: string; readonly port: number } {
  return { host: values.serverIp ?? values.host, port: values.serverPort ?? values.port };
}

/** The token that every client has to know. */
export const CLIENT_TOKEN = {
  token: {
    summary: "Ask every client for this token; better set by TRANSFER_TOKEN, which other users can't see",
    valueName: "TOKEN",
    parse: token,
    isSecret: true,
  },
} as const;

/** @param use What becomes of the certificate: "serve over TLS". */
export function certificateFlags(use: string) {
  return {
    tlsCert: {
      summary: `Certificate in PEM form, with those that lead to its authority: ${use}`,
      valueName: "FILE",
      parse: text,
    },
    tlsKey: { summary: "Its private key in PEM form", valueName: "FILE", parse: text },
  } as const;
}

/** @param options Defaults. `of`: whose connections all of them are, " of clients" say; `most`: the most that may be asked for. */
export function connectionFlags(
  { all, perAddress, of = "" }: { readonly all: number; readonly perAddress: number; readonly of?: string },
) {
  return {
    maxConnections: {
      summary: `Most connections${of} at a time`,
      valueName: "N",
      default: String(all),
      parse: wholeNumber(1, 100_000),
    },
    ...perAddressFlag({ perAddress, most: 100_000 }),
  } as const;
}

/** The most connections from one address. @param options The default, and the most that may be asked for. */
export function perAddressFlag(
  { perAddress, most = 1_000_000, but = "" }: {
    readonly perAddress: number;
    readonly most?: number;
    readonly but?: string;
  },
) {
  return {
    maxConnectionsPerAddress: {
      summary: `Most connections at a time from one address${but}`,
      valueName: "N",
      default: String(perAddress),
      parse: wholeNumber(1, most),
    },
  } as const;
}

/** What is logged, and in which form. @param which "the log", or which logs. */
export function logFlags(which = "the log") {
  return {
    log: {
      summary: `Form of ${which}: text for people, json for programs, one object a line`,
      valueName: "FORM",
      default: "text",
      parse: logFormat,
    },
    quiet: { summary: "Log warnings and errors only", default: "false", parse: toggle },
  } as const;
}
