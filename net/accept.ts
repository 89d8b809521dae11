import { closeQuietly } from "./dial.ts";

/** How long to wait after a connection that could not be taken, in milliseconds. */
const ACCEPT_AGAIN_MS = 50;

/**
 * Takes connections until their listener is closed, whatever becomes of one.
 *
 * @param take When it throws, the connection is closed.
 */
export async function takeEach(
  listener: Deno.TcpListener,
  take: (conn: Deno.TcpConn) => void,
): Promise<void> {
  while (true) {
    let conn: Deno.TcpConn;
    try {
      conn = await listener.accept();
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
      // Gone before it was taken, or no file handle left: neither is the end of the server.
      await new Promise((resolve) => setTimeout(resolve, ACCEPT_AGAIN_MS));
      continue;
    }
    try {
      take(conn);
    } catch {
      // It was reset meanwhile.
      closeQuietly(conn);
    }
  }
}
