import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parseConf } from "../../../protocols/proxy/conf.ts";
import { ConfProblem } from "../../../protocols/proxy/conf_tokens.ts";

const SPECIFIED = `
host "192.168.56.103:8080" { proxy_pass http://192.168.56.103:9000; }
host "app2.local" {
    proxy_set_header Host $host;
    proxy_pass http://192.168.56.210:9002;
    proxy_pass http://192.168.56.220:9002;
    dist_policy round-robin
}
`;

const VALUES = {
  host: "a.lan",
  httpHost: "a.lan:8080",
  remoteAddress: "10.0.0.1",
  forwardedFor: "10.9.9.9",
  scheme: "http",
  target: "/x",
  proxyHost: "u:1",
} as const;

function problems(text: string): string[] {
  try {
    parseConf(text);
  } catch (error) {
    if (!(error instanceof AggregateError)) throw error;
    return error.errors.map((each) => {
      if (!(each instanceof ConfProblem)) throw each;
      return `${each.place.line}:${each.place.column} ${each.message}`;
    });
  }
  return [];
}

Deno.test("the specified configuration means what it says", () => {
  const conf = parseConf(SPECIFIED);
  assertEquals([...conf.keys()], ["192.168.56.103:8080", "app2.local"]);
  const app = conf.get("app2.local");
  assertEquals(app?.policy, "round-robin");
  assertEquals(app?.upstreams.map(({ hostname, port }) => [hostname, port]), [
    ["192.168.56.210", 9002],
    ["192.168.56.220", 9002],
  ]);
  assertEquals(app?.setHeaders.map(({ name, value }) => [name, value(VALUES)]), [["Host", "a.lan"]]);
});

Deno.test("comments, quotes, Windows line ends, a missing last semicolon and IPv6 are taken", () => {
  const conf = parseConf(
    `\ufeff# one\r\nhost 'A.lan.' { # two { }\r\n\tproxy_pass 'http://[::1]:9000/'; ;` +
      `dist_policy ip-hash;proxy_set_header X-Note "a \\"b\\" ; # $remote_addr \${scheme}"}` +
      `host [::1]:80{proxy_pass https://secure.lan}`,
  );
  assertEquals([...conf.keys()], ["a.lan", "[::1]:80"]);
  const host = conf.get("a.lan");
  assertEquals(host?.upstreams.map(({ hostname, port, origin }) => [hostname, port, origin]), [
    ["::1", 9000, "http://[::1]:9000"],
  ]);
  assertEquals(host?.setHeaders[0]?.value(VALUES), 'a "b" ; # 10.0.0.1 http');
  assertEquals(conf.get("[::1]:80")?.upstreams[0]?.port, 443);
});

Deno.test("variables stand for what they do in nginx", () => {
  const written = "$host $http_host $remote_addr $proxy_add_x_forwarded_for $scheme $request_uri $proxy_host";
  const conf = parseConf(`host a { proxy_pass http://u:1; proxy_set_header X "${written}" }`);
  const value = conf.get("a")?.setHeaders[0]?.value;
  assertEquals(value?.(VALUES), "a.lan a.lan:8080 10.0.0.1 10.9.9.9, 10.0.0.1 http /x u:1");
  assertEquals(value?.({ ...VALUES, forwardedFor: "" }).includes(" 10.0.0.1 10.0.0.1 http"), true);
});

const MISTAKES: readonly (readonly [text: string, problem: string])[] = [
  ["", "1:1 no host"],
  ["# nothing", "1:1 no host"],
  ["\n  server a { }", '2:3 unknown "server" where a host "NAME" { … } may stand'],
  ["proxy_pass http://a;", '1:1 "proxy_pass" outside of a host'],
  ['host "a', '1:6 a " that is not closed'],
  ['host "a\n" { }', '1:6 a " that is not closed'],
  ["host { proxy_pass http://a }", '1:6 a name should follow "host"'],
  ["host a proxy_pass http://a;", '1:8 a "{" should follow host "a"'],
  ["host a {\n  proxy_pass http://a;\n", '1:8 the "{" of host "a" is not closed'],
  ["host a { proxy_pass http://a; } }", '1:33 a "}" without its "{"'],
  ["host a {\n  host b { proxy_pass http://b; }\n}", '2:3 a host within a host: is a "}" missing?'],
  ["host a {\n  proxy_pass http://a\nhost b { }", '3:1 a "}" is missing before "host"'],
  ["host a { proxy_pass { http://a; } }", '1:21 a "{" in "proxy_pass"'],
  ["host a { { } }", '1:10 a "{" within a host'],
  ["host a {\n  proxy_pass http://a\n  proxy_pass http://b;\n}", '3:3 a ";" is missing before "proxy_pass"'],
  ["host a { }", '1:1 host "a" has no proxy_pass'],
  ["host a b { proxy_pass http://a; }", '1:8 a "{" should follow host "a"'],
  ["host a/b { proxy_pass http://a; }", '1:6 "a/b" is no host name with or without a port'],
  ["host a:70000 { proxy_pass http://a; }", '1:6 "a:70000" is no host name with or without a port'],
  ["host a { proxy_pass http://a; }\nhost A. { proxy_pass http://a; }", '2:6 a second host "A."'],
  ["host a { proxy_pass; }", '1:10 "proxy_pass" needs one URL'],
  [
    "host a { proxy_pass http://a http://b; }",
    '1:30 "proxy_pass" takes one URL: is a ";" missing before "http://b"?',
  ],
  ["host a { proxy_pass a:9000; }", '1:21 "a:9000" is no URL such as http://192.168.1.10:9000'],
  ["host a { proxy_pass http://a:0; }", "1:21 a URL with port 0"],
  [
    "host a { proxy_pass http://a:99999; }",
    '1:21 "http://a:99999" is no URL such as http://192.168.1.10:9000',
  ],
  ["host a { proxy_pass http://a/b; }", "1:21 a URL with a path: requests keep the path that they came with"],
  ["host a { proxy_pass http://u:p@a; }", "1:21 a URL with a user or password"],
  ["host a { proxy_pass http://a; proxy_pass http://A:80; }", "1:42 a second proxy_pass to http://a"],
  [
    "host a { proxy_pass http://a; dist_policy fair; }",
    '1:43 unknown policy "fair"; there are round-robin, least-conn, random, ip-hash',
  ],
  ["host a { proxy_pass http://a; dist_policy random; dist_policy random; }", "1:51 a second dist_policy"],
  [
    "host a { proxy_pass http://a; proxy_set_header Host; }",
    '1:48 "proxy_set_header" needs a name and a value',
  ],
  [
    "host a { proxy_pass http://a; proxy_set_header A b c; }",
    '1:52 a value of several words needs quotes, or a ";" is missing',
  ],
  ["host a { proxy_pass http://a; proxy_set_header A: b; }", '1:48 "A:" is no name of a header'],
  [
    "host a { proxy_pass http://a; proxy_set_header Content-Length 5; }",
    "1:48 \"Content-Length\" is the proxy's own and can't be set",
  ],
  ["host a { proxy_pass http://a; proxy_set_header A é; }", "1:50 a value that is not ASCII"],
  ["host a { proxy_pass http://a; proxy_set_header A 'a\u0007'; }", "1:50 a control character"],
];

for (const [text, problem] of MISTAKES) {
  Deno.test(`a mistake is told with its place: ${JSON.stringify(text)}`, () =>
    assertEquals(problems(text), [problem]));
}

Deno.test("columns are characters, and all mistakes of directives are told at once", () => {
  const text = 'host "😀" { proxi_pass http://a; dist_policy x;\n  proxy_set_header X $hots }\n';
  assertEquals(problems(text).map((each) => each.replace(/;.*/, "")), [
    '1:1 host "😀" has no proxy_pass',
    '1:6 "😀" is no host name with or without a port',
    '1:12 unknown directive "proxi_pass"',
    '1:45 unknown policy "x"',
    '2:22 unknown variable "$hots"',
  ]);
});

Deno.test("whatever the text, it is read or refused with places within it", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "host",
      "{",
      "}",
      ";",
      " a ",
      "proxy_pass",
      " http://a ",
      '"',
      "'",
      "\n",
      "#",
      "dist_policy",
      "$",
      "\\",
    ),
    fc.string({ unit: "binary", maxLength: 4 }),
  );
  fc.assert(fc.property(fc.array(piece), (pieces) => {
    const text = pieces.join("");
    for (const problem of problems(text)) {
      const [line = 0, column = 0] = problem.split(" ")[0]?.split(":").map(Number) ?? [];
      const lines = text.split("\n");
      if (line < 1 || line > lines.length || column < 1 || column > [...lines[line - 1] ?? ""].length + 1) {
        throw new Error(`${problem} is not within ${JSON.stringify(text)}`);
      }
    }
  }));
});

Deno.test("a text that is too long is no configuration", () => {
  assertThrows(() => parseConf("#".repeat(1_000_001)), AggregateError);
});
