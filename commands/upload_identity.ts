import { join } from "@std/path";
import { createHash, createHmac, randomBytes } from "node:crypto";

/** The same for the same file, unless it was changed: so running a command again finds its upload. */
export async function defaultFileId(path: string): Promise<string> {
  const { size, mtime } = await Deno.stat(path);
  const parts = [Deno.hostname(), await Deno.realPath(path), size, mtime?.getTime() ?? 0];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

/**
 * The token that owns an upload on a server: derived from a secret of this user's, so that nothing has
 * to be stored for each upload and running the same command again owns it still.
 *
 * @returns 128 bits in base64url; `undefined` when there is no place for the secret. The server then
 * makes a token up, and only this run of the program knows it.
 */
export async function resumeToken(
  upload: { readonly server: string; readonly fileId: string },
): Promise<string | undefined> {
  const secret = await userSecret();
  if (secret === undefined) return undefined;
  const mac = createHmac("sha256", secret).update(JSON.stringify([upload.server, upload.fileId]));
  return mac.digest().subarray(0, 16).toString("base64url");
}

/** The secret in the user's state directory (XDG Base Directory Specification), made at first. */
async function userSecret(): Promise<Uint8Array | undefined> {
  const home = Deno.env.get("HOME") ?? Deno.env.get("LOCALAPPDATA");
  const state = Deno.env.get("XDG_STATE_HOME") ??
    (home === undefined ? undefined : join(home, ".local", "state"));
  if (state === undefined) return undefined;
  const directory = join(state, "transfer");
  const path = join(directory, "secret");
  const existing = await Deno.readFile(path).catch(() => undefined);
  if (existing !== undefined) return existing;
  try {
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    const aside = await Deno.makeTempFile({ dir: directory });
    try {
      await Deno.writeFile(aside, randomBytes(32), { mode: 0o600 });
      await Deno.link(aside, path);
    } catch (error) {
      // Of several first runs at a time one wins, and all use what it made.
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    } finally {
      await Deno.remove(aside);
    }
    return await Deno.readFile(path);
  } catch {
    return undefined; // A read-only or full home is no reason not to upload.
  }
}
