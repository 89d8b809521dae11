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
   * The bytes [offset, offset + length) in base64; `length` is at most 4 MiB.
   *
   * @throws {DOMException} `NotReadableError` or `NotFoundError` when the file changed or vanished.
   */
  async base64(offset, length) {
    if (!covers(this.#block, offset, length)) {
      this.#block = covers(this.#next, offset, length) ? this.#next : this.#open(offset);
      this.#next = undefined;
    }
    const { start, end, bytes } = this.#block;
    if (end < this.#file.size) this.#next ??= this.#open(end);
    return encode((await bytes).subarray(offset - start, offset - start + length));
  }

  /** Gives the memory back, until more is asked for. */
  close() {
    this.#block = this.#next = undefined;
  }

  #open(start) {
    const end = Math.min(this.#file.size, start + BLOCK_BYTES);
    const bytes = readBytes(this.#file, start, end);
    bytes.catch(() => {}); // Told to whoever asks for these bytes, if anyone does.
    return { start, end, bytes };
  }
}

function covers(block, offset, length) {
  return block !== undefined && offset >= block.start && offset + length <= block.end;
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
