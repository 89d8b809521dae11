/**
 * SHA-256 (FIPS 180-4) over bytes that come by and by: `crypto.subtle` takes a message only as a whole,
 * and is not there on plain http. Written for speed: all that changes in the loops is a local variable,
 * and every sum ends in `| 0`, so that engines keep them in registers as integers.
 */

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes (section 4.2.2). */
// deno-fmt-ignore
const K = Int32Array.of(
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
);
/** The same of the square roots of the first eight (section 5.3.3). */
// deno-fmt-ignore
const INITIAL = Int32Array.of(
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
);
const BLOCK_BYTES = 64;
/** Where the length of the message stands in its last block. */
const LENGTH_AT = 56;
const schedule = new Int32Array(64);

/** A running digest. */
export class Sha256 {
  #hash = INITIAL.slice();
  /** The bytes at the end that do not fill a block yet. */
  #rest = new Uint8Array(BLOCK_BYTES);
  #length = 0;

  /** Takes more of the message. @param {Uint8Array} bytes */
  update(bytes) {
    const held = this.#length % BLOCK_BYTES;
    this.#length += bytes.length;
    let from = 0;
    if (held > 0) {
      from = Math.min(BLOCK_BYTES - held, bytes.length);
      this.#rest.set(bytes.subarray(0, from), held);
      if (held + from < BLOCK_BYTES) return;
      compress(this.#hash, this.#rest);
    }
    const whole = from + Math.floor((bytes.length - from) / BLOCK_BYTES) * BLOCK_BYTES;
    compress(this.#hash, bytes.subarray(from, whole));
    this.#rest.set(bytes.subarray(whole));
  }

  /** The digest of what came so far, as 32 bytes; more may follow. */
  digest() {
    const hash = this.#hash.slice();
    const held = this.#length % BLOCK_BYTES;
    // A one bit, zeros, and the length in bits (section 5.1.1).
    const end = new Uint8Array(held < LENGTH_AT ? BLOCK_BYTES : 2 * BLOCK_BYTES);
    end.set(this.#rest.subarray(0, held));
    end[held] = 0x80;
    new DataView(end.buffer).setBigUint64(end.length - 8, 8n * BigInt(this.#length));
    compress(hash, end);
    const digest = new DataView(new ArrayBuffer(32));
    for (const [i, word] of hash.entries()) digest.setInt32(4 * i, word);
    return new Uint8Array(digest.buffer);
  }

  /** {@linkcode digest} in hexadecimal. */
  hex() {
    return Array.from(this.digest(), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
}

/** Works whole blocks into a hash (section 6.2.2). Taking that apart by a pattern costs a quarter of the speed. */
function compress(hash, blocks) {
  const view = new DataView(blocks.buffer, blocks.byteOffset, blocks.length);
  const w = schedule;
  const k = K;
  let h0 = hash[0];
  let h1 = hash[1];
  let h2 = hash[2];
  let h3 = hash[3];
  let h4 = hash[4];
  let h5 = hash[5];
  let h6 = hash[6];
  let h7 = hash[7];
  for (let at = 0; at < blocks.length; at += BLOCK_BYTES) {
    for (let i = 0; i < 16; i++) w[i] = view.getInt32(at + 4 * i);
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15];
      const y = w[i - 2];
      const small0 = (x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ (x >>> 3);
      const small1 = (y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ (y >>> 10);
      w[i] = ((w[i - 16] + w[i - 7] | 0) + small0 | 0) + small1 | 0;
    }
    let a = h0;
    let b = h1;
    let c = h2;
    let d = h3;
    let e = h4;
    let f = h5;
    let g = h6;
    let h = h7;
    for (let i = 0; i < 64; i++) {
      const big1 = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
      const choice = g ^ (e & (f ^ g));
      const t1 = h + big1 + choice + k[i] + w[i] | 0;
      const big0 = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10);
      const majority = (a & b) | (c & (a | b));
      h = g;
      g = f;
      f = e;
      e = d + t1 | 0;
      d = c;
      c = b;
      b = a;
      a = t1 + (big0 + majority | 0) | 0;
    }
    h0 = h0 + a | 0;
    h1 = h1 + b | 0;
    h2 = h2 + c | 0;
    h3 = h3 + d | 0;
    h4 = h4 + e | 0;
    h5 = h5 + f | 0;
    h6 = h6 + g | 0;
    h7 = h7 + h | 0;
  }
  hash.set([h0, h1, h2, h3, h4, h5, h6, h7]);
}
