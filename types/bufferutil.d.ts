declare module "bufferutil" {
  const bufferutil: {
    /** Applies a WebSocket's mask of four bytes, in place. */
    unmask(bytes: Uint8Array, mask: Uint8Array): void;
  };
  export default bufferutil;
}
