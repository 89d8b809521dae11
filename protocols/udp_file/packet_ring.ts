const FIRST_SPAN = 1024;

/** What has become of a packet. */
export const STATE = { free: 0, underWay: 1, acked: 2, lost: 3 } as const;

/** What a packet was. */
export const KIND = { data: 0, probe: 1, sizeProbe: 2 } as const;
export type PacketKind = typeof KIND[keyof typeof KIND];

type Column = Uint8Array | Uint16Array | Float64Array;

/**
 * What is remembered of packets: columns, with the row of a number at `number & mask`. No object is made for a
 * packet. A row is used again when its number is `mask + 1` behind.
 */
export class PacketRing {
  mask = FIRST_SPAN - 1;
  state = new Uint8Array(FIRST_SPAN);
  kind = new Uint8Array(FIRST_SPAN);
  /** 1: there was too little to send when it left. */
  isStarved = new Uint8Array(FIRST_SPAN);
  size = new Uint16Array(FIRST_SPAN);
  file = new Uint16Array(FIRST_SPAN);
  offset = new Float64Array(FIRST_SPAN);
  sentUs = new Float64Array(FIRST_SPAN);
  // What was known when it left, for the rate at which bytes are delivered.
  deliveredBytes = new Float64Array(FIRST_SPAN);
  deliveredUs = new Float64Array(FIRST_SPAN);
  firstSentUs = new Float64Array(FIRST_SPAN);

  /** Makes room for twice as many. @param next The first number that is not there yet. */
  grow(next: number): void {
    const span = 2 * (this.mask + 1);
    const moved = <T extends Column>(column: T, wider: T): T => {
      for (let n = Math.max(0, next - this.mask - 1); n < next; n++) {
        wider[n & (span - 1)] = column[n & this.mask] ?? 0;
      }
      return wider;
    };
    this.state = moved(this.state, new Uint8Array(span));
    this.kind = moved(this.kind, new Uint8Array(span));
    this.isStarved = moved(this.isStarved, new Uint8Array(span));
    this.size = moved(this.size, new Uint16Array(span));
    this.file = moved(this.file, new Uint16Array(span));
    this.offset = moved(this.offset, new Float64Array(span));
    this.sentUs = moved(this.sentUs, new Float64Array(span));
    this.deliveredBytes = moved(this.deliveredBytes, new Float64Array(span));
    this.deliveredUs = moved(this.deliveredUs, new Float64Array(span));
    this.firstSentUs = moved(this.firstSentUs, new Float64Array(span));
    this.mask = span - 1;
  }
}
