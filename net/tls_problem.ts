/**
 * What a person can do about a TLS connection that failed, from the words of Deno's TLS; `undefined` of
 * anything else that went wrong. None of it gets better by trying again. `withoutTls` is what to look at where
 * the server speaks no TLS.
 */
export function explainTlsProblem(problem: string, withoutTls = "is its URL ws://"): string | undefined {
  if (problem.includes("received corrupt message")) {
    return `The server does not speak TLS there: ${withoutTls}, or is the port another one?`;
  }
  const cause = /invalid peer certificate: (.*)$/.exec(problem)?.[1];
  if (cause === undefined) return undefined;
  const name = /not valid for name "([^"]*)"(.*)$/.exec(cause);
  if (name !== null) return `The server's certificate is not for ${name[1]}${validNames(name[2] ?? "")}`;
  if (/UnknownIssuer/.test(cause)) {
    return "The server's certificate was issued by nobody who is trusted here: " +
      "name the certificate of who issued it with --ca FILE";
  }
  if (/^Expired|expired/.test(cause)) return "The server's certificate has expired (or this clock is wrong)";
  if (/NotValidYet|not valid yet/.test(cause)) {
    return "The server's certificate is not valid yet (or this clock is wrong)";
  }
  if (/CaUsedAsEndEntity/.test(cause)) {
    return "The server's certificate is one for issuing others (CA:TRUE), which no server may use: " +
      "make one with basicConstraints=CA:FALSE";
  }
  return `The server's certificate is not accepted (${cause})`;
}

/** The names in the end of rustls' message: `certificate is only valid for DnsName("a") or …`. */
function validNames(text: string): string {
  const names = [...text.matchAll(/\("([^"]+)"\)|IpAddress\(([^)]+)\)/g)].map((found) =>
    found[1] ?? found[2]
  );
  return names.length === 0 ? "" : `, only for ${names.join(", ")}`;
}
