import { dirname, join } from "@std/path";
import { newKeyPem, type SigningKey, signingKey } from "../protocols/tracker/ed25519.ts";
import { printable } from "../terminal/printable.ts";
import { UsageError } from "./command.ts";

/**
 * The key of this user, made at first: in a file of the state directory (XDG Base Directory Specification), or the
 * one that is named.
 *
 * @throws {UsageError} It is no key, or there is no place for one.
 */
export async function peerKey(named: string | undefined): Promise<SigningKey> {
  const path = named ?? defaultPath();
  if (path === undefined) {
    throw new UsageError("There is no home directory to keep a key in: name a file by --key");
  }
  try {
    return signingKey(await existingOrNew(path));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`The key ${printable(path)} can't be used: ${why}`, { cause: error });
  }
}

function defaultPath(): string | undefined {
  const home = Deno.env.get("HOME") ?? Deno.env.get("LOCALAPPDATA");
  const state = Deno.env.get("XDG_STATE_HOME") ??
    (home === undefined ? undefined : join(home, ".local", "state"));
  return state === undefined ? undefined : join(state, "transfer", "peer.pem");
}

async function existingOrNew(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const aside = await Deno.makeTempFile({ dir: dirname(path) });
  try {
    await Deno.writeTextFile(aside, newKeyPem(), { mode: 0o600 });
    await Deno.link(aside, path);
  } catch (error) {
    // Of several first runs at a time one wins, and all use what it made.
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  } finally {
    await Deno.remove(aside);
  }
  return await Deno.readTextFile(path);
}
