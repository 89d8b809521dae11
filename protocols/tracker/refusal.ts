/** A request that is not granted; all that a peer is told of it. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  /** The HTTP status of the answer. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
