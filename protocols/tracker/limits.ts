/** Limits of the tracker, each with its unit and reason. */

/** Longest name of a peer or channel, in UTF-16 units: as much as fits a line of a list. */
export const MAX_NAME = 64;
/** Longest message, in bytes of UTF-8. */
export const MAX_MESSAGE_BYTES = 4096;
/** Most messages of one answer: with 4 KiB each they are 4 MiB. */
export const MAX_READ = 1000;
/** Peers that are known, present or not: each costs about 500 bytes here. */
export const MAX_PEERS = 10_000;
/** Channels. */
export const MAX_CHANNELS = 1_000;
/** Members of one channel. */
export const MAX_MEMBERS = 5_000;
/** Channels that one peer is a member of. */
export const MAX_CHANNELS_PER_PEER = 100;
/** Readers of `/events` and `/ws` at a time. */
export const MAX_LISTENERS = 4_000;
/** Connections at a time, of all kinds. */
export const MAX_CONNECTIONS = 6_000;
/** What a reader may leave unread before it is cut off, in bytes. */
export const MAX_UNREAD_BYTES = 1024 * 1024;
/** Writes that wait for their commit; beyond it the disk is too slow for what comes in. */
export const MAX_PENDING_WRITES = 10_000;
/** How far the clock of a peer that signs may be off, in milliseconds. */
export const SIGNATURE_WINDOW_MS = 60_000;
/** Nonces that are remembered: at 60 s twice, 800 signed requests a second. */
export const MAX_NONCES = 100_000;
/** How long a login lasts after its last `/hello`, in milliseconds. */
export const SESSION_MS = 7 * 86_400_000;
/** Sessions of one user at a time; the oldest ends. */
export const MAX_SESSIONS_PER_USER = 50;
