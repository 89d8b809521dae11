/**
 * Which addresses are not of the public internet, so that a server that fetches what strangers name
 * can't be made to reach into its own network. Without I/O.
 */

/** Blocks of IPv4 that are not public (IANA IPv4 Special-Purpose Address Registry), and what they are. */
const IPV4_BLOCKS = [
  ["0.0.0.0/8", "this host"],
  ["10.0.0.0/8", "private"],
  ["100.64.0.0/10", "shared by a carrier's customers"],
  ["127.0.0.0/8", "loopback"],
  // Where clouds answer questions about a machine, its credentials included.
  ["169.254.0.0/16", "link-local"],
  ["168.63.129.16/32", "a cloud's metadata service"],
  ["172.16.0.0/12", "private"],
  ["192.0.0.0/24", "reserved"],
  ["192.0.2.0/24", "documentation"],
  ["192.88.99.0/24", "reserved"],
  ["192.168.0.0/16", "private"],
  ["198.18.0.0/15", "benchmarking"],
  ["198.51.100.0/24", "documentation"],
  ["203.0.113.0/24", "documentation"],
  ["224.0.0.0/4", "multicast"],
  ["240.0.0.0/4", "reserved"],
] as const;

/** The same of IPv6. What lies outside of 2000::/3 is not public anyhow, and named here where it has a name. */
const IPV6_BLOCKS = [
  ["::1/128", "loopback"],
  ["::/128", "this host"],
  ["64:ff9b:1::/48", "private"],
  ["fc00::/7", "private"],
  ["fe80::/10", "link-local"],
  ["fec0::/10", "private"],
  ["ff00::/8", "multicast"],
  ["2001::/23", "reserved"],
  ["2001:db8::/32", "documentation"],
  ["3fff::/20", "documentation"],
] as const;

/** Prefixes of IPv6 whose addresses reach an IPv4 one, and the bit where that begins. */
const EMBEDDING = [
  ["::ffff:0:0/96", 96],
  ["64:ff9b::/96", 96],
  ["2002::/16", 16],
] as const;

const V4_BITS = 32;
const V6_BITS = 128;

interface Block {
  readonly prefix: bigint;
  readonly shift: bigint;
  readonly kind: string;
}

const V4 = IPV4_BLOCKS.map(([cidr, kind]) => block(cidr, kind));
const V6 = IPV6_BLOCKS.map(([cidr, kind]) => block(cidr, kind));
const V6_WITH_V4 = EMBEDDING.map(([cidr, from]) => ({ ...block(cidr, ""), from: BigInt(V6_BITS - from) }));
const V6_PUBLIC = block("2000::/3", "");

/**
 * What an address is, when it is not one of the public internet.
 *
 * An IPv6 address that stands for an IPv4 one (mapped, NAT64, 6to4) is what that one is. What is no
 * address is never public.
 *
 * @param address As `Deno.resolveDns` and sockets write it; a zone (`%eth0`) is passed over.
 * @returns `undefined`: it is public.
 *
 * @example
 * ```ts
 * privateKind("93.184.215.14"); // undefined
 * privateKind("::ffff:169.254.169.254"); // "link-local"
 * ```
 */
export function privateKind(address: string): string | undefined {
  const v4 = parseIpv4(address);
  if (v4 !== undefined) return kindOfIpv4(v4);
  const v6 = parseIpv6(address.replace(/%.*$/, ""));
  if (v6 === undefined) return "no address";
  const embedding = V6_WITH_V4.find((each) => isIn(v6, each));
  if (embedding !== undefined) {
    return kindOfIpv4((v6 >> (embedding.from - BigInt(V4_BITS))) & 0xffff_ffffn);
  }
  const found = V6.find((each) => isIn(v6, each));
  if (found !== undefined) return found.kind;
  return isIn(v6, V6_PUBLIC) ? undefined : "reserved";
}

function kindOfIpv4(address: bigint): string | undefined {
  return V4.find((each) => isIn(address, each))?.kind;
}

function isIn(address: bigint, { prefix, shift }: Block): boolean {
  return address >> shift === prefix;
}

function block(cidr: string, kind: string): Block {
  const [text = "", length = ""] = cidr.split("/");
  const v4 = parseIpv4(text);
  const address = v4 ?? parseIpv6(text) ?? 0n;
  const shift = BigInt((v4 === undefined ? V6_BITS : V4_BITS) - Number(length));
  return { prefix: address >> shift, shift, kind };
}

/** Only four decimal numbers: a resolver gives no other form, and 0177.0.0.1 is read in two ways. */
function parseIpv4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) {
    return undefined;
  }
  return parts.reduce((address, part) => address << 8n | BigInt(part), 0n);
}

function parseIpv6(text: string): bigint | undefined {
  // The URL parser knows every form of them, and writes all in one.
  const host = text.includes(":") ? URL.parse(`http://[${text}]`)?.hostname : undefined;
  if (host === undefined) return undefined;
  const [head = "", tail] = host.slice(1, -1).split("::");
  const groups = (part: string) => part === "" ? [] : part.split(":");
  const first = groups(head);
  const last = groups(tail ?? "");
  const zeros = new Array<string>(8 - first.length - last.length).fill("0");
  return [...first, ...zeros, ...last].reduce((address, group) => address << 16n | BigInt(`0x${group}`), 0n);
}
