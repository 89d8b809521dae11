import { MAX_NAME } from "./limits.ts";
import { isPasswordHash } from "./passwords.ts";

/**
 * Reads a file of users: a line each, `NAME:HASH`; empty lines and those that begin with `#` are passed over.
 *
 * @throws {RangeError} A line is none of these; the message has its number, and nothing of what is in it.
 */
export function parseUsers(text: string): Map<string, string> {
  const users = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    const hash = line.slice(colon + 1).trim();
    if (!isUserName(name) || !isPasswordHash(hash)) {
      throw new RangeError(`line ${index + 1} is not NAME:HASH as "tracker user add" writes it`);
    }
    if (users.has(name)) throw new RangeError(`line ${index + 1} has a user that is there already`);
    users.set(name, hash);
  }
  return users;
}

/** Whether somebody may be called so: no colon, no control character, not too long. */
export function isUserName(name: string): boolean {
  return /^[^:\p{C}\s][^:\p{C}]*$/u.test(name) && !name.startsWith("#") && name.length <= MAX_NAME;
}
