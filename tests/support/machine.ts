/**
 * What some tests need that not every machine has. Each says so with `ignore`; Linux has all of it, so that
 * nothing is left out there.
 */

const { os } = Deno.build;

/** File systems can be mounted in memory, by root. */
export const CAN_MOUNT = os === "linux";
/** All of 127.0.0.0/8 is this machine; macOS has 127.0.0.1 alone. */
export const HAS_ALL_LOOPBACK = os !== "darwin";
/** Links that lead anywhere, pipes, devices, and names of any characters: not on Windows. */
export const HAS_UNIX_FILES = os !== "windows";
