/** How much is read at a time. Reading a file has a price per read: in 4 MiB it is half of that in 1 MiB. */
const BLOCK_BYTES = 4 * 1_048_576;
/** Arguments of one call of String.fromCharCode; every engine takes this many. */
const SLICE_BYTES = 0x8000;

/** Reads a file from front to back, one block ahead of what is asked for; at most two are in memory. */
export class FileWindow {
  #file;
  #block;
  #next;

  constructor(file) {
    this.#file = file;
  }

  /**
   * The bytes [offset, offset + length), which are in the file, in pieces that share the memory of blocks.
   *
   * @returns {Promise<Uint8Array[]>}
   * @throws {DOMException} `NotReadableError` or `NotFoundError` when the file changed or vanished.
   */
  async pieces(offset, length) {
    const pieces = [];
    for (let at = offset; at < offset + length; at += pieces.at(-1).length) {
      const { start, bytes } = this.#blockAt(at);
      pieces.push((await bytes).subarray(at - start, offset + length - start));
    }
    return pieces;
  }

  /** {@linkcode pieces} in base64. */
  async base64(offset, length) {
    const pieces = await this.pieces(offset, length);
    return encode(pieces.length === 1 ? pieces[0] : joined(pieces));
  }

  /** Gives the memory back, until more is asked for. */
  close() {
    this.#block = this.#next = undefined;
  }

  #blockAt(offset) {
    if (!covers(this.#block, offset)) {
      this.#block = covers(this.#next, offset) ? this.#next : this.#open(offset);
      this.#next = undefined;
    }
    const { end } = this.#block;
    if (end < this.#file.size) this.#next ??= this.#open(end);
    return this.#block;
  }

  #open(start) {
    const end = Math.min(this.#file.size, start + BLOCK_BYTES);
    const bytes = readBytes(this.#file, start, end);
    bytes.catch(() => {}); // Told to whoever asks for these bytes, if anyone does.
    return { start, end, bytes };
  }
}

/** All pieces in one array with memory of its own, and `room` bytes to spare before it. */
export function joined(pieces, room = 0) {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, room));
  let at = room;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole.subarray(room);
}

function covers(block, offset) {
  return block !== undefined && offset >= block.start && offset < block.end;
}

async function readBytes(file, start, end) {
  const bytes = new Uint8Array(await file.slice(start, end).arrayBuffer());
  if (bytes.length !== end - start) throw new DOMException("The file became shorter", "NotReadableError");
  return bytes;
}

function encode(bytes) {
  if (typeof bytes.toBase64 === "function") return bytes.toBase64();
  let text = "";
  for (let start = 0; start < bytes.length; start += SLICE_BYTES) {
    text += String.fromCharCode(...bytes.subarray(start, start + SLICE_BYTES));
  }
  return btoa(text);
}
