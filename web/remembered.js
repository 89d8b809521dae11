import { Sha256 } from "./sha256.js";

/**
 * What outlives a reload: this browser's id, and for each unfinished upload enough to know its file
 * again. The files themselves cannot be kept; they have to be chosen again.
 */

const BROWSER_KEY = "transfer.browser";
const SECRET_KEY = "transfer.secret";
const UPLOAD_PREFIX = "transfer.unfinished.";
/** Storage holds about 5 MB; past this many entries only uploads that have begun are noted. */
const ROOMY_ENTRIES = 1000;
const MAX_FILE_ID = 1000;

const RESUME_TOKEN_BYTES = 16;

const { browserId, secret } = readIdentity();

/** The key of an upload on the server: the same file chosen again in this browser has the same one. */
export function fileIdOf({ path, size, lastModified }) {
  const prefix = `${browserId}:${size}:${lastModified}:`;
  const room = MAX_FILE_ID - prefix.length;
  if (path.length <= room) return prefix + path;
  const digest = fingerprint(path);
  return `${prefix}${path.slice(0, room - digest.length - 1).toWellFormed()}:${digest}`;
}

/**
 * What owns an upload on the server: 128 bits in base64url, made of this browser's secret and the upload's
 * key. So nothing has to be kept for each upload, and all tabs present the same.
 */
export function resumeTokenOf(fileId) {
  const hash = new Sha256();
  // The secret's length is fixed and half of the digest is cut off, so that nothing can be appended to it.
  hash.update(new TextEncoder().encode(secret + fileId));
  const token = String.fromCharCode(...hash.digest().subarray(0, RESUME_TOKEN_BYTES));
  return btoa(token).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Notes an unfinished upload, or how far it has come. */
export function remember({ fileId, path, size, lastModified, acknowledged }) {
  const key = UPLOAD_PREFIX + fileId;
  try {
    const begun = acknowledged > 0 || localStorage.length < ROOMY_ENTRIES;
    if (begun) localStorage.setItem(key, JSON.stringify({ path, size, lastModified, acknowledged }));
  } catch {
    // Storage is full or switched off: uploads work, only a reload forgets them.
  }
}

export function forget(fileId) {
  try {
    localStorage.removeItem(UPLOAD_PREFIX + fileId);
  } catch {
    // Nothing was kept either.
  }
}

/** All unfinished uploads of this browser, by path. */
export function allRemembered() {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(UPLOAD_PREFIX));
    const found = keys.map((key) => parse(localStorage.getItem(key))).filter((one) => one !== undefined);
    return found.sort((a, b) => a.path < b.path ? -1 : 1);
  } catch {
    return [];
  }
}

/**
 * Tells what another tab of this browser notes or forgets.
 *
 * @param {(fileId: string, record: {acknowledged: number} | undefined) => void} told
 */
export function watchRemembered(told) {
  addEventListener("storage", ({ key, newValue }) => {
    if (key?.startsWith(UPLOAD_PREFIX)) told(key.slice(UPLOAD_PREFIX.length), parse(newValue));
  });
}

function parse(text) {
  try {
    const { path, size, lastModified, acknowledged } = JSON.parse(text);
    const numbers = [size, lastModified, acknowledged].every((value) => Number.isFinite(value));
    return typeof path === "string" && numbers ? { path, size, lastModified, acknowledged } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The name and the secret of this browser. Where storage is full or switched off both are new and last as
 * long as the page: with the old name and another secret its own uploads would be a stranger's.
 */
function readIdentity() {
  try {
    return { browserId: kept(BROWSER_KEY, 16), secret: kept(SECRET_KEY, 32) };
  } catch {
    return { browserId: randomHex(16), secret: randomHex(32) };
  }
}

/** Random bytes in hexadecimal, made at first. @throws {DOMException} They can't be kept. */
function kept(key, bytes) {
  const before = localStorage.getItem(key);
  if (/^[0-9a-f]+$/.test(before ?? "") && before.length === 2 * bytes) return before;
  const fresh = randomHex(bytes);
  localStorage.setItem(key, fresh);
  return fresh;
}

function randomHex(bytes) {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** 64 bits of FNV-1a: tells two very long paths of one browser apart, and is no more than that. */
function fingerprint(text) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, "0");
}
