import { assertEquals } from "@std/assert";
import { addressGroup, ConnectionLimit } from "../../net/connection_limit.ts";

Deno.test("connections are limited from each address and in all, until others end", () => {
  const limit = new ConnectionLimit({ total: 3, perAddress: 2 });
  const admitted = ["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.3"].map((a) => limit.admit(a));
  assertEquals(admitted, [undefined, undefined, "address_limit", undefined, "connection_limit"]);
  limit.release("10.0.0.1");
  assertEquals(limit.admit("10.0.0.3"), undefined);
  assertEquals(limit.admit("10.0.0.1"), "connection_limit");
  limit.release("10.0.0.3");
  assertEquals([limit.admit("10.0.0.1"), limit.admit("10.0.0.1")], [undefined, "address_limit"]);
});

const SAME: readonly (readonly [string, string, boolean])[] = [
  ["127.0.0.1", "::ffff:127.0.0.1", true],
  ["127.0.0.1", "127.0.0.2", false],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::1", true],
  ["2001:db8:1:2::1", "2001:db8:1:3::1", false],
  ["2001:0DB8:0001:2::1", "2001:db8:1:2::2", true],
  ["::1", "::2", true],
  ["fe80::1%eth0", "fe80::2%eth1", true],
  ["2001:db8::1", "2001:db8:0:0:1::1", true],
  ["2001:db8::1", "2001:db8:0:1::1", false],
];

for (const [one, other, isSame] of SAME) {
  Deno.test(`${one} and ${other} count as ${isSame ? "one" : "two"}`, () => {
    assertEquals(addressGroup(one) === addressGroup(other), isSame);
  });
}
