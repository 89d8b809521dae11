import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { pseudoRandomBytes, sha256 } from "../../support/bytes.ts";
import { testCertificate } from "../../support/certificate.ts";
import { plainClient, sendChunks } from "../../support/plain_client.ts";
import { testServer } from "../../support/upload_server.ts";

const first = testCertificate();
const second = testCertificate();

function trusting(...certificates: readonly { readonly cert: string }[]): Deno.HttpClient {
  return Deno.createHttpClient({ caCerts: certificates.map(({ cert }) => cert), poolMaxIdlePerHost: 0 });
}

/** Whether a new client that trusts `certificate` alone refuses a server because of its own. */
async function isRefusedBy(certificate: { readonly cert: string }, url: string): Promise<boolean> {
  using client = trusting(certificate);
  const error = await assertRejects(() => fetch(`${url}/healthz`, { client }), TypeError);
  return String(error.cause).includes("invalid peer certificate");
}

Deno.test("an upload and its download over TLS, for who trusts the certificate", async () => {
  await using server = await testServer({ tls: first });
  using client = trusting(first);
  const bytes = pseudoRandomBytes(1_000_000);
  await using upload = await plainClient(server.ws, { client });
  await upload.ask({ action: "start", fileId: "f", fileName: "data.bin", fileSize: bytes.length });
  await sendChunks(upload, { fileId: "f", bytes, chunkBytes: 300_000 });
  assertEquals((await upload.ask({ action: "complete", fileId: "f" })).event, "complete-ack");
  assertEquals(sha256(await Deno.readFile(join(server.dir, "data.bin"))), sha256(bytes));
  const response = await fetch(`${server.url}/files/data.bin`, { client });
  assertEquals(sha256(await response.bytes()), sha256(bytes));
  assertEquals(response.headers.get("strict-transport-security"), null);

  assert(await isRefusedBy(second, server.url));
  await assertRejects(() => fetch(`${server.url.replace("https", "http")}/healthz`));
});

Deno.test("over TLS the server's own origin is one of https", async () => {
  await using server = await testServer({ tls: first });
  using client = trusting(first);
  const ask = async (origin: string) => {
    const response = await fetch(`${server.url}/healthz`, { client, headers: { Origin: origin } });
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await ask(server.url), 200);
  assertEquals(await ask(server.url.replace("https", "http")), 403);
  await using own = await plainClient(server.ws, { client, headers: { Origin: server.url } });
  assertEquals((await own.ask({})).event, "error");
});

Deno.test("a certificate is changed while uploads go on", async () => {
  await using server = await testServer({ tls: first });
  using old = trusting(first);
  using fresh = trusting(second);
  await using upload = await plainClient(server.ws, { client: old });
  server.server.setCertificate(second);
  // By a new client: the old one resumes its TLS session and is shown no certificate again.
  assert(await isRefusedBy(first, server.url));
  assertEquals(await (await fetch(`${server.url}/healthz`, { client: fresh })).text(), "ok\n");
  await using later = await plainClient(server.ws, { client: fresh });
  for (const each of [upload, later]) assertEquals((await each.ask({})).event, "error");
});

Deno.test("a server without TLS takes no certificate", async () => {
  await using server = await testServer();
  let refused: unknown;
  try {
    server.server.setCertificate(first);
  } catch (error) {
    refused = error;
  }
  assert(refused instanceof TypeError);
});
