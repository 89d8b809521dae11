import { assertEquals } from "@std/assert";
import { explainTlsProblem } from "../../net/tls_problem.ts";

const PROBLEMS: readonly (readonly [string, string | undefined])[] = [
  [
    "invalid peer certificate: UnknownIssuer",
    "The server's certificate was issued by nobody who is trusted here: name the certificate of who issued it with --ca FILE",
  ],
  ["invalid peer certificate: Expired", "The server's certificate has expired (or this clock is wrong)"],
  [
    "invalid peer certificate: certificate expired: verification time 2 (UNIX), but certificate is not valid after 1",
    "The server's certificate has expired (or this clock is wrong)",
  ],
  [
    "invalid peer certificate: NotValidYet",
    "The server's certificate is not valid yet (or this clock is wrong)",
  ],
  [
    "invalid peer certificate: certificate not valid yet: verification time 1",
    "The server's certificate is not valid yet (or this clock is wrong)",
  ],
  [
    'invalid peer certificate: certificate not valid for name "a"; certificate is only valid for DnsName("b") or IpAddress(10.0.0.1)',
    "The server's certificate is not for a, only for b, 10.0.0.1",
  ],
  [
    'invalid peer certificate: certificate not valid for name "a"; certificate is not valid for any names',
    "The server's certificate is not for a",
  ],
  ["invalid peer certificate: BadSignature", "The server's certificate is not accepted (BadSignature)"],
  ["NetworkError: tcp connect error", undefined],
  ["status code: 401", undefined],
];

for (const [problem, expected] of PROBLEMS) {
  Deno.test(`told of TLS: ${problem}`, () => assertEquals(explainTlsProblem(problem), expected));
}
