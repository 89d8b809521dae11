import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Balancer } from "../../../protocols/proxy/balancer.ts";
import { POLICIES, type Policy } from "../../../protocols/proxy/conf.ts";

interface Server {
  readonly origin: string;
  active: number;
  isUp: boolean;
}

function servers(count: number): Server[] {
  return Array.from({ length: count }, (_, at) => ({ origin: `http://u${at}`, active: 0, isUp: true }));
}

const NONE: ReadonlySet<Server> = new Set();

function picker(upstreams: Server[], policy: Policy, random: () => number = () => 0) {
  const balancer = new Balancer(upstreams, { policy, random });
  return (clientAddress = "10.0.0.1", tried = NONE) =>
    balancer.pick({ clientAddress, tried })?.origin.slice(-1);
}

Deno.test("round-robin goes round, past those that are down", () => {
  const all = servers(3);
  const pick = picker(all, "round-robin");
  assertEquals([pick(), pick(), pick(), pick()], ["0", "1", "2", "0"]);
  all.forEach((each, at) => each.isUp = at !== 1);
  assertEquals([pick(), pick(), pick()], ["2", "0", "2"]);
});

Deno.test("least-conn takes the one with the fewest requests, and goes round among equals", () => {
  const all = servers(3);
  const pick = picker(all, "least-conn");
  assertEquals([pick(), pick(), pick(), pick()], ["0", "1", "2", "0"]);
  all.forEach((each, at) => each.active = [2, 3, 1][at] ?? 0);
  assertEquals([pick(), pick()], ["2", "2"]);
});

Deno.test("random takes each as often as the others", () => {
  let next = 0;
  const pick = picker(servers(4), "random", () => next++ / 8);
  const found = Array.from({ length: 8 }, () => pick()).sort();
  assertEquals(found, ["0", "0", "1", "1", "2", "2", "3", "3"]);
});

Deno.test("ip-hash gives a client the same one, as long as that is up, and shares the clients out", () => {
  const all = servers(4);
  const pick = picker(all, "ip-hash");
  const clients = Array.from({ length: 1000 }, (_, at) => `10.0.${at >> 8}.${at & 255}`);
  const before = clients.map((each) => pick(each));
  assertEquals(clients.map((each) => pick(each)), before);
  for (const each of ["0", "1", "2", "3"]) {
    const share = before.filter((found) => found === each).length;
    assert(share > 180 && share < 320, `${share} of 1000`);
  }
  all.forEach((each, at) => each.isUp = at !== 2);
  for (const [at, client] of clients.entries()) {
    if (before[at] !== "2") assertEquals(pick(client), before[at]);
  }
  assertEquals(pick("2001:db8::1"), pick("2001:db8::2"));
});

Deno.test("an upstream is picked as long as one was not tried, one that is up if there is any", () => {
  const server = fc.record({ isUp: fc.boolean(), isTried: fc.boolean(), active: fc.nat({ max: 3 }) });
  fc.assert(
    fc.property(
      fc.array(server, { minLength: 1, maxLength: 5 }),
      fc.constantFrom(...POLICIES),
      (states, policy) => {
        const all = states.map(({ isUp, active }, at) => ({ origin: `http://u${at}`, isUp, active }));
        const tried = new Set(all.filter((_, at) => states[at]?.isTried));
        const picked = new Balancer(all, { policy, random: () => 0.99 }).pick({
          clientAddress: "::1",
          tried,
        });
        const hasUp = all.some(({ isUp }) => isUp);
        const left = all.filter((each) => !tried.has(each) && (each.isUp || !hasUp));
        assertEquals(picked === undefined, left.length === 0);
        if (picked !== undefined) assert(left.includes(picked));
      },
    ),
  );
});
