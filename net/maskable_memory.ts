/**
 * Memory that the mask of a WebSocket (RFC 6455 section 5.3) is quickly applied in: that of a WebAssembly kernel,
 * which takes 64 bytes a turn where they lie. To copy them to a kernel and back would cost what it saves.
 */

/** XORs the bytes [from, to) with a key of four, the first of them lowest; at least one whole step. */
export type MaskKernel = (from: number, to: number, key: number) => void;

/** What a kernel takes at a time, in bytes: its ranges are multiples of this. */
export const STEP_BYTES = 64;
const PAGE_BYTES = 64 * 1024;

const kernels = new WeakMap<ArrayBufferLike, MaskKernel>();
/** Compiled when it is first needed; `null`: this processor can't run it. */
let code: WebAssembly.Module | null | undefined;

/**
 * Bytes, all zero, that {@linkcode kernelFor} knows a kernel for, unless the processor has no vectors: then they
 * are as any others. To make them costs more than to make others, so they are worth keeping.
 */
export function maskableBytes(length: number): Uint8Array<ArrayBuffer> {
  if (code === undefined) code = WebAssembly.validate(CODE) ? new WebAssembly.Module(CODE) : null;
  if (code === null) return new Uint8Array(length);
  const pages = Math.ceil(length / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { buffer } = memory;
  const { mask } = new WebAssembly.Instance(code, { m: { m: memory } }).exports;
  // What the types leave open; neither happens.
  if (buffer instanceof SharedArrayBuffer || typeof mask !== "function") return new Uint8Array(length);
  kernels.set(buffer, (from, to, key) => void mask(from, to, key));
  return new Uint8Array(buffer, 0, length);
}

/** The kernel that works in a buffer, if there is one. Positions are from the buffer's beginning. */
export function kernelFor(buffer: ArrayBufferLike): MaskKernel | undefined {
  return kernels.get(buffer);
}

const [I32, V128, FUNCTION_TYPE, VOID] = [0x7f, 0x7b, 0x60, 0x40];
const [END, LOOP, BRANCH_IF, LOCAL_GET, LOCAL_SET, LOCAL_TEE] = [0x0b, 0x03, 0x0d, 0x20, 0x21, 0x22];
const [I32_CONST, I32_ADD, I32_LESS_UNSIGNED] = [0x41, 0x6a, 0x49];
const VECTOR = 0xfd; // Begins each instruction of the next line.
const [LOAD, STORE, SPLAT_I32, XOR] = [0x00, 0x0b, 0x11, 0x51];
/** A vector's bytes, and the locals: three parameters, and the key four times over. */
const [VECTOR_BYTES, FROM, TO, KEY, KEYS] = [16, 0, 1, 2, 3];

/** A section, a function or a name as the binary format has it: its length first, here always below 128. */
function sized(...bytes: readonly number[]): number[] {
  return [bytes.length, ...bytes];
}

/** One vector at a distance behind FROM. Alignment 0 says: anywhere. */
function maskVector(distance: number): number[] {
  const load = [LOCAL_GET, FROM, VECTOR, LOAD, 0, distance];
  return [LOCAL_GET, FROM, ...load, LOCAL_GET, KEYS, VECTOR, XOR, VECTOR, STORE, 0, distance];
}

/** `do { mask 64 bytes; from += 64 } while (from < to)` */
const BODY = [
  ...[1, 1, V128],
  ...[LOCAL_GET, KEY, VECTOR, SPLAT_I32, LOCAL_SET, KEYS],
  ...[LOOP, VOID],
  ...[0, 1, 2, 3].flatMap((i) => maskVector(i * VECTOR_BYTES)),
  // 64 as a signed LEB128 takes two bytes.
  ...[LOCAL_GET, FROM, I32_CONST, 0xc0, 0x00, I32_ADD, LOCAL_TEE, FROM],
  ...[LOCAL_GET, TO, I32_LESS_UNSIGNED, BRANCH_IF, 0, END, END],
];

/** The module (WebAssembly Core 2.0, section 5): the memory `m.m` comes in, the function `mask` goes out. */
const CODE = new Uint8Array([
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, ...sized(1, FUNCTION_TYPE, ...sized(I32, I32, I32), 0)],
  ...[2, ...sized(1, ...sized(0x6d), ...sized(0x6d), 2, 0, 1)],
  ...[3, ...sized(1, 0)],
  ...[7, ...sized(1, ...sized(...new TextEncoder().encode("mask")), 0, 0)],
  ...[10, ...sized(1, ...sized(...BODY))],
]);
