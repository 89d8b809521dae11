/** The peer breaks the protocol: the connection can't go on. */
export class Violation extends Error {
  override readonly name = "Violation";
}
