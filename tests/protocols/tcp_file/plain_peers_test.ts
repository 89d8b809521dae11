import { assertEquals } from "@std/assert";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { plainTcpClient, plainTcpDownload } from "../../support/plain_tcp_client.ts";
import { plainTcpServer } from "../../support/plain_tcp_server.ts";

const FILE = pseudoRandomBytes(1_000_003);

Deno.test("the plain peers of the tests understand each other", async () => {
  await using server = plainTcpServer({ "a film.mkv": FILE, "empty": new Uint8Array(0) });
  assertEquals(await plainTcpDownload(server.port, "a film.mkv"), FILE);
  assertEquals(await plainTcpDownload(server.port, "empty"), new Uint8Array(0));
  using client = await plainTcpClient(server.port);
  assertEquals(client.list, "a film.mkv 976.565KB\nempty 0.000B\n");
  assertEquals(await client.ask("empty"), "0");
  assertEquals(await client.ask("none"), "File none not found.");
  assertEquals(await client.ask("empty|0-x"), "Invalid range format.");
  assertEquals(await client.ask("a film.mkv|0-1|2"), "Invalid request format.");
  await client.send("a film.mkv|1000000-2000000");
  assertEquals(await client.take(3), FILE.subarray(1_000_000));
});
