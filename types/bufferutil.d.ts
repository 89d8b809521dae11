declare module "bufferutil" {
  const bufferutil: {
    /** Applies a WebSocket's mask of four bytes, in place. */
    unmask(bytes: Uint8Array, mask: Uint8Array): void;
    /** Copies `length` bytes into `output` at `offset`, with the mask applied. */
    mask(bytes: Uint8Array, mask: Uint8Array, output: Uint8Array, offset: number, length: number): void;
  };
  export default bufferutil;
}
