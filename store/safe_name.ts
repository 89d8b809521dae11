/**
 * Names from a peer are hostile. This is the one place where a name that came over a wire turns into a
 * path below a directory.
 */

const encoder = new TextEncoder();

/**
 * Longest file name in bytes. File systems take 255; the rest is for " (9999)" before the extension
 * and ".part.journal" behind it.
 */
const MAX_NAME_BYTES = 255 - " (9999)".length - ".part.journal".length;
/** Keeps a name from being taken for something else. A cut leaves room for two. */
const GUARD = "_";
/** Longest path and deepest nesting that a peer can ask for. */
const MAX_PATH_BYTES = 1024;
const MAX_DEPTH = 16;

/** Names that Windows gives to devices, whatever extension follows. */
const RESERVED = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$|clock\$)(\.|$)/i;
/** Control characters, what Windows forbids in a name, and marks that reorder what is shown. */
// deno-lint-ignore no-control-regex
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f<>:"|?*\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
/** An absolute path, a drive or a step upwards: such a path says nothing about where to store a file. */
const NOT_RELATIVE = /^[/\\]|^[a-z]:|(^|[/\\])\.\.([/\\]|$)/i;

/**
 * Turns a peer's file name into a relative path that is safe below any directory, on any system.
 *
 * A clean relative path such as `photos/one.jpg` keeps its folders; of an absolute path, a path with
 * a drive letter or with `..` in it only the last part is kept. Backslashes count as separators. Parts
 * are brought to Unicode NFC; forbidden characters, a leading dot and trailing dots or spaces are
 * replaced; reserved device names and names that end like this program's own state files are changed;
 * parts that are too long are cut, keeping the extension.
 *
 * @returns The path, with `/` between parts; `undefined` when nothing usable is left.
 *
 * @example
 * ```ts
 * safeRelativePath("../../etc/passwd"); // "passwd"
 * safeRelativePath("CON.txt"); // "_CON.txt"
 * ```
 */
export function safeRelativePath(peerName: string): string | undefined {
  const parts = peerName.normalize("NFC").split(/[/\\]/);
  const kept = NOT_RELATIVE.test(peerName) ? parts.slice(-1) : parts;
  const safe = kept.filter((part) => part !== "" && part !== ".").map(safePart);
  const name = safe.at(-1);
  if (name === undefined || name === "" || parts.at(-1) === "..") return undefined;
  const folders = safe.slice(0, -1).filter((part) => part !== "");
  const path = [...folders, name].join("/");
  return folders.length >= MAX_DEPTH || isLonger(path, MAX_PATH_BYTES) ? name : path;
}

function safePart(part: string): string {
  const clean = part.toWellFormed().replace(FORBIDDEN, GUARD).replace(/^\./, GUARD);
  const name = guarded(clean);
  // Cut before it is guarded: a cut can bring forth any of the endings that are guarded against.
  return isLonger(name, MAX_NAME_BYTES) ? guarded(shortened(clean)) : name;
}

/** Without the ends that Windows drops, and not to be taken for a device or a file of this program. */
function guarded(part: string): string {
  const name = part.replace(/[. ]+$/, "");
  const before = RESERVED.test(name) ? GUARD : "";
  const behind = isStateFile(name) ? GUARD : "";
  return `${before}${name}${behind}`;
}

/** Whether a name is one that this program gives to its own files beside those it received. */
export function isStateFile(name: string): boolean {
  return /\.part(\.journal)?$/i.test(name);
}

/** Cuts a name, keeping its extension, to where both guards still fit. */
function shortened(name: string): string {
  const dot = name.lastIndexOf(".");
  // A "." so far from the end starts no extension.
  const extension = dot > 0 && name.length - dot <= 16 ? name.slice(dot) : "";
  const room = MAX_NAME_BYTES - 2 * GUARD.length - byteLength(extension);
  const { read } = encoder.encodeInto(name.slice(0, name.length - extension.length), new Uint8Array(room));
  return name.slice(0, read) + extension;
}

/** Whether a text has more than so many bytes. One UTF-16 unit has three at most: short ones are not looked at. */
function isLonger(text: string, bytes: number): boolean {
  return text.length * 3 > bytes && byteLength(text) > bytes;
}

function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/**
 * Numbers a name that is taken: `film.mkv` becomes `film (1).mkv`. The number 0 leaves it as it is.
 *
 * @param path A path as {@linkcode safeRelativePath} gives it.
 */
export function numberedName(path: string, number: number): string {
  if (number === 0) return path;
  const slash = path.lastIndexOf("/") + 1;
  const dot = path.lastIndexOf(".");
  const end = dot > slash ? dot : path.length;
  return `${path.slice(0, end)} (${number})${path.slice(end)}`;
}
