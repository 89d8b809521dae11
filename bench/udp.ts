/** `udp-get` from `udp-serve` beside QUIC, TCP, TFTP and UFTP, over links that lose and over loopback. */

import { join } from "@std/path";
import { testCertificate } from "../tests/support/certificate.ts";
import { type Bench, type Carrier, carrying, serveTransfer } from "./bench.ts";
import { type Contender, type Link, MEGABITS_A_SECOND, type Place, type Row, SECONDS } from "./contender.ts";
import { checkFile, type Source } from "./files.ts";
import { freePort, onClient, onServer, runClient, startServer } from "./processes.ts";
import { startIperf } from "./tcp.ts";

const LINK: Link = { delay: 25, rate: 200, queue: 1250, loss: 0 };
const LOSSES = [1, 5, 10];
/** Most bytes of a datagram that Ethernet carries in one piece. */
const ETHERNET = 1472;
const SHARE_SECONDS = 15;

/** The rows. */
export function udp(bench: Bench): readonly Row[] {
  const [small, large] = [bench.sources.file("64M"), bench.sources.file("256M")];
  const path = "200 Mbit/s, 50 ms round trip";
  const over = (source: Source, loss: number, contenders: readonly Contender[]): Row => ({
    name: `udp ${source.name} ${loss} %`,
    title: `UDP, ${source.name.replace("M", " MiB")} over ${path}, ${loss} % loss`,
    unit: SECONDS,
    bytes: source.bytes,
    files: [source],
    link: { ...LINK, loss },
    contenders,
  });
  return [
    ...LOSSES.map((loss) => over(small, loss, everybody(bench, small))),
    ...LOSSES.map((loss) =>
      over(large, loss, [udpGet(bench, large), quic(bench, large, "bbr2"), tcpStream(bench, large, "bbr")])
    ),
    {
      name: "udp loopback",
      title: "UDP, 256 MiB over loopback",
      unit: SECONDS,
      bytes: large.bytes,
      files: [large],
      contenders: [
        udpGet(bench, large),
        udpGet(bench, large, { maxDatagram: ETHERNET }),
        quic(bench, large, "cubic"),
        tftp(bench, large),
        uftp(bench, large, "-1"),
      ],
    },
    {
      name: "udp share",
      title: `UDP beside a TCP flow for ${SHARE_SECONDS} s, ${path}, no loss: what TCP gets`,
      unit: MEGABITS_A_SECOND,
      files: [large],
      link: LINK,
      mostRounds: 3,
      contenders: ["rate", "cubic"].flatMap((own) => {
        return ["bbr", "cubic"].map((other) => sharing(bench, large, { own, other }));
      }),
    },
  ];
}

function everybody(bench: Bench, source: Source): readonly Contender[] {
  return [
    udpGet(bench, source),
    udpGet(bench, source, { congestion: "cubic" }),
    ...["cubic", "bbr2"].map((congestion) => quic(bench, source, congestion)),
    ...["cubic", "bbr"].map((congestion) => tcpStream(bench, source, congestion)),
    tftp(bench, source),
    uftp(bench, source, String(LINK.rate * 950)),
  ];
}

function udpGet(
  bench: Bench,
  source: Source,
  { congestion = "rate", maxDatagram }: { readonly congestion?: string; readonly maxDatagram?: number } = {},
): Contender {
  const limit = maxDatagram === undefined ? [] : ["--max-datagram", String(maxDatagram)];
  return carrying(bench, {
    name: [
      "transfer",
      congestion === "rate" ? [] : congestion,
      maxDatagram === undefined ? [] : `--max-datagram ${maxDatagram}`,
    ].flat().join(" "),
    serve: (at) => {
      const list = ["--list", join(bench.dir, "udp-list.txt")];
      return serveTransfer(bench, at, ["udp-serve", bench.sources.dir, ...list, ...limit]);
    },
    client: ({ address, to }, { port }) => {
      const flags = ["--out", to, "--quiet", "--congestion", congestion];
      return [...bench.transfer, "udp-get", `${address}:${port}`, source.name, ...flags];
    },
    check: (to) => checkFile(join(to, source.name), source),
  });
}

function quic(bench: Bench, source: Source, congestion: string): Contender {
  return carrying(bench, {
    name: `QUIC ${congestion} (ngtcp2)`,
    programs: ["gtlsclient", "gtlsserver"],
    serve: async (at) => {
      const port = freePort();
      const [keyFile, certFile] = await certificateFiles(bench.dir);
      const words = [
        "gtlsserver",
        "-q",
        `--cc=${congestion}`,
        "-d",
        bench.sources.dir,
        at.address,
        String(port),
      ];
      return await startServer(onServer(at, [...words, keyFile, certFile]), { port });
    },
    client: ({ address, to }, { port }) => [
      ...["gtlsclient", "-q", `--download=${to}`, "--exit-on-all-streams-close", address, String(port)],
      `https://${address}:${port}/${source.name}`,
    ],
    check: (to) => checkFile(join(to, source.name), source),
  });
}

async function certificateFiles(dir: string): Promise<readonly [string, string]> {
  const [keyFile, certFile] = [join(dir, "key.pem"), join(dir, "cert.pem")];
  const { cert, key } = testCertificate();
  await Deno.writeTextFile(certFile, cert);
  await Deno.writeTextFile(keyFile, key);
  return [keyFile, certFile];
}

/** The bytes alone, read from no file and written to none. */
function tcpStream(bench: Bench, source: Source, congestion: string): Contender {
  return carrying(bench, {
    name: `TCP ${congestion} (iperf3)`,
    programs: ["iperf3"],
    serve: (at) => startIperf(at),
    client: ({ address }, { port }) => {
      return [
        "iperf3",
        "-c",
        address,
        "-p",
        String(port),
        "-R",
        "-C",
        congestion,
        "-n",
        String(source.bytes),
      ];
    },
  });
}

function tftp(bench: Bench, source: Source): Contender {
  return carrying(bench, {
    name: "TFTP, window 64 (atftp)",
    programs: ["atftp", "atftpd"],
    serve: (at) => {
      const port = freePort();
      const user = Deno.uid() === 0 ? ["--user", "root.root"] : [];
      const words = ["atftpd", "--daemon", "--no-fork", "--bind-address", at.address, "--port", String(port)];
      return startServer(onServer(at, [...words, ...user, bench.sources.dir]), { port });
    },
    client: ({ address, to }, { port }) => [
      ...["atftp", "--option", "blksize 1428", "--option", "windowsize 64", "-g", "-r", source.name],
      ...["-l", join(to, source.name), address, String(port)],
    ],
    check: (to) => checkFile(join(to, source.name), source),
  });
}

/** UFTP sends at the rate that it is told, in Kbit/s; -1: as fast as it goes. It is the sender that is timed. */
function uftp(bench: Bench, source: Source, rate: string): Contender {
  const carrier: Carrier = {
    name: rate === "-1" ? "UFTP, no rate set" : `UFTP, told ${Number(rate) / 1000} Mbit/s`,
    programs: ["uftp", "uftpd"],
    serve: (at) => {
      const port = freePort();
      const words = ["uftpd", "-d", "-x", "0", "-D", at.to, "-I", at.address, "-p", String(port)];
      return startServer(onServer(at, words), { port });
    },
    client: ({ address }, { port }) => {
      return ["uftp", "-x", "0", "-M", address, "-p", String(port), "-R", rate, source.path];
    },
    check: (to) => checkFile(join(to, source.name), source),
  };
  const contender = carrying(bench, carrier);
  return { ...contender, start: (place) => contender.start(swapped(place)) };
}

/** The same place, where who receives is the server. */
function swapped({ address, clientAddress, server, client }: Place): Place {
  return { address: clientAddress, clientAddress: address, server: client, client: server };
}

/** A transfer and a TCP flow, both the same way, at the same time. */
function sharing(
  bench: Bench,
  source: Source,
  { own, other }: { readonly own: string; readonly other: string },
): Contender {
  const transfer = udpGet(bench, source, { congestion: own });
  return {
    name: `TCP ${other} beside transfer ${own}`,
    programs: ["iperf3"],
    start: async (place) => {
      const ready = await transfer.start(place);
      const iperf = await startIperf(place);
      const tcpFlow = ["iperf3", "-c", place.address, "-p", String(iperf.port), "-R", "-C", other, "-J"];
      return {
        servers: [...ready.servers, iperf.pid],
        run: async (watch) => {
          const [{ value }, { stdout }] = await Promise.all([
            ready.run(watch),
            runClient(onClient(place, [...tcpFlow, "-t", String(SHARE_SECONDS)]), watch),
          ]);
          const tcp: number = JSON.parse(stdout).end.sum_received.bits_per_second;
          const rate = source.bytes * 8 / 1e6 / value;
          return { value: tcp / 1e6, remark: `transfer ${rate.toFixed(1)} Mbit/s, in ${value.toFixed(1)} s` };
        },
        [Symbol.asyncDispose]: async () => {
          await iperf[Symbol.asyncDispose]();
          await ready[Symbol.asyncDispose]();
        },
      };
    },
  };
}
