import { join } from "@std/path";
import { makeNamedDirectory } from "./directory.ts";

/** A directory that no other process receives into. */
export interface LockedDirectory extends Disposable {
  /** Absolute path, with links followed. */
  readonly path: string;
  /** Absolute path of its folder for what belongs to no single file. */
  readonly state: string;
}

/**
 * Makes a directory if need be and keeps every other process out of it. The lock goes with the process
 * that holds it, however that ends.
 *
 * @throws {Deno.errors.Busy} Another process has it.
 * @throws {Deno.errors.NotADirectory} It can't be one.
 */
export async function lockDirectory(directory: string): Promise<LockedDirectory> {
  await makeNamedDirectory(directory);
  const path = await Deno.realPath(directory);
  const state = join(path, ".transfer");
  await Deno.mkdir(state, { recursive: true });
  const file = await Deno.open(join(state, "lock"), { create: true, write: true });
  if (!await file.tryLock(true)) {
    file.close();
    throw new Deno.errors.Busy(`Directory ${path} is in use by another process that receives into it`);
  }
  return { path, state, [Symbol.dispose]: () => file.close() };
}
