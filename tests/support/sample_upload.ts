import { pseudoRandomBytes, sha256 } from "./bytes.ts";
import { ask, type ExtendedUpload, progressUntil, sendFrames, startExtended } from "./extension_client.ts";
import { type PlainClient, plainClient } from "./plain_client.ts";
import type { TestServer } from "./upload_server.ts";

/** What is uploaded under the key `f`. */
export const BYTES = pseudoRandomBytes(3_000_000);
export const DIGEST = sha256(BYTES);
export const HALF = 1_500_000;

/** Sends bytes of it and waits until all of them are acknowledged. */
export async function sendAll(
  client: PlainClient,
  upload: ExtendedUpload,
  range: { readonly from?: number; readonly to?: number } = {},
): Promise<void> {
  sendFrames(client, upload, { bytes: BYTES, ...range });
  await progressUntil(client, ({ offset }) => offset === (range.to ?? BYTES.length));
}

/** Uploads half of it over a connection that is gone when this returns. @returns The token. */
export async function halfUploaded(server: TestServer): Promise<string> {
  await using client = await plainClient(server.ws);
  const upload = await startExtended(client, { fileId: "f", fileSize: BYTES.length });
  await sendAll(client, upload, { to: HALF });
  await ask(client, { action: "stop", fileId: "f", delete: false });
  return upload.ext.resumeToken;
}

/** The end of it, as its client says it. */
export const complete = (fields: Record<string, unknown> = { sha256: DIGEST }) => ({
  action: "complete",
  fileId: "f",
  ...fields,
});
