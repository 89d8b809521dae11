import { ConnectionProblem } from "../../net/connection_problem.ts";
import { printed } from "../../net/dial.ts";
import { Patience } from "../../net/patience.ts";
import type { CatalogueEntry } from "../../store/catalogue_entries.ts";
import { openServer, type ServerAccess } from "./connect.ts";
import { MAX_PATH_LENGTH } from "./control_messages.ts";
import { firstLine, type FirstRequest } from "./first_request.ts";
import { PlainServer } from "./plain_server.ts";
import { XudpConnection } from "./xudp_connection.ts";

/** A server of the one kind or the other, and the connection to it. */
export class Remote implements Disposable {
  readonly access: ServerAccess;
  readonly signal: AbortSignal;
  #connection: PlainServer | XudpConnection | undefined;

  /** @param signal Ends everything. */
  constructor(access: ServerAccess, signal: AbortSignal) {
    this.access = access;
    this.signal = signal;
  }

  /** What files of this server are told apart by from those of another. */
  urlOf(path: string): string {
    return `udp://${printed(this.access.endpoint)}/${path.split("/").map(encodeURIComponent).join("/")}`;
  }

  /**
   * The connection, which is opened if there is none. Throws like `openServer`.
   *
   * @param first What is asked for next: a list comes a round trip sooner, and a file that is wanted two.
   */
  async connect(
    first?: FirstRequest | undefined,
  ): Promise<PlainServer | XudpConnection> {
    if (this.#connection?.isOpen) return this.#connection;
    const { signal } = this;
    // One that has no numbers left for requests would be kept alive for nothing.
    this[Symbol.dispose]();
    const answered = await openServer(this.access, { signal, firstLine: firstLine(first) });
    const { state } = answered;
    return this.#connection = state.kind === "opened"
      ? new XudpConnection(answered, state, { first, signal })
      : new PlainServer(answered, signal);
  }

  /** As {@linkcode Remote.connect}. @throws {ConnectionProblem} Also when the server does not speak XUDP/1. */
  async connectXudp(): Promise<XudpConnection> {
    const connection = await this.connect();
    if (connection.kind === "xudp") return connection;
    throw new ConnectionProblem("The server does not speak XUDP/1 any more", { isFinal: true });
  }

  /** As {@linkcode Remote.connect}. @throws {ConnectionProblem} Also when the server is not a plain one. */
  async connectPlain(): Promise<PlainServer> {
    const connection = await this.connect();
    if (connection.kind === "plain") return connection;
    throw new ConnectionProblem("The server is not a plain one any more", { isFinal: true });
  }

  /**
   * What is at and below a path; "" is all.
   *
   * @returns `undefined`: there is no such path.
   * @throws {ConnectionProblem} After several tries.
   */
  async list(path: string): Promise<readonly CatalogueEntry[] | undefined> {
    // What can't be there is not asked for: too long a name would end the connection.
    if (path.length > MAX_PATH_LENGTH) return undefined;
    const patience = new Patience(this.signal);
    for (;;) {
      try {
        return await (await this.connectXudp()).list(path);
      } catch (problem) {
        await patience.after(problem);
      }
    }
  }

  /** Ends the connection; the next call opens another. */
  [Symbol.dispose](): void {
    this.#connection?.[Symbol.dispose]();
    this.#connection = undefined;
  }
}
