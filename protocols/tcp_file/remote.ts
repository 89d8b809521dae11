import { ConnectionProblem } from "../../net/connection_problem.ts";
import { printed } from "../../net/dial.ts";
import type { FileVersion } from "../../store/file_version.ts";
import { connectToServer, type ServerAccess } from "./connect.ts";
import type { CatalogueEntry } from "../../store/catalogue_entries.ts";
import { ERROR_CODE, isListable, type Refusal } from "./messages.ts";
import { Patience } from "../../net/patience.ts";
import { PlainConnection } from "./plain_connection.ts";
import { ServerLiesError, XferConnection } from "./xfer_connection.ts";

/** A server has refused a request. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  /** See {@linkcode ERROR_CODE}. */
  readonly code: number;

  constructor({ code, text }: Refusal) {
    super(`The server says: ${text}`);
    this.code = code;
  }
}

/** Most files and directories of one list: what a client is ready to hold in memory. */
const MAX_ENTRIES = 1_000_000;
/** Most characters of all their paths: 128 each on average. */
const MAX_PATH_CHARACTERS = 128_000_000;
/** Bytes a second that a server is given at least to compute a root. */
const ROOT_PACE = 20_000_000;
const ROOT_LEAST_MS = 60_000;

/** A server of the one kind or the other, and connections to it that are of no use at the moment. */
export class Remote implements Disposable {
  readonly access: ServerAccess;
  readonly signal: AbortSignal;
  readonly #idle: (PlainConnection | XferConnection)[] = [];

  /** @param signal Closes all connections. */
  constructor(access: ServerAccess, signal: AbortSignal) {
    this.access = access;
    this.signal = signal;
  }

  /** What files of this server are told apart by from those of another. */
  urlOf(path: string): string {
    const { endpoint, tls } = this.access;
    const scheme = tls === undefined ? "tcp" : "tcps";
    return `${scheme}://${printed(endpoint)}/${path.split("/").map(encodeURIComponent).join("/")}`;
  }

  /** A connection that nobody uses, or a new one. Throws like `connectToServer`. */
  async connect(): Promise<PlainConnection | XferConnection> {
    return this.#idle.pop() ?? await connectToServer(this.access, this.signal);
  }

  /** As {@linkcode connect}. @throws {ConnectionProblem} Also when the server does not speak XFER/1. */
  async connectXfer(): Promise<XferConnection> {
    const connection = await this.connect();
    if (connection.kind === "xfer") return connection;
    connection[Symbol.dispose]();
    throw new ConnectionProblem("The server does not speak XFER/1 any more", { isFinal: true });
  }

  /** As {@linkcode connect}. @throws {ConnectionProblem} Also when the server is not a plain one. */
  async connectPlain(): Promise<PlainConnection> {
    const connection = await this.connect();
    if (connection.kind === "plain") return connection;
    connection[Symbol.dispose]();
    throw new ConnectionProblem("The server is not a plain one any more", { isFinal: true });
  }

  /** To be called when a connection was lost: those that lay idle beside it may be as well. */
  closeIdle(): void {
    for (const connection of this.#idle.splice(0)) connection[Symbol.dispose]();
  }

  /** Takes back a connection that nothing is under way on. */
  release(connection: PlainConnection | XferConnection): void {
    if (connection.kind === "xfer" && (connection.pending > 0 || connection.isLeaving)) {
      connection[Symbol.dispose]();
    } else this.#idle.push(connection);
  }

  /**
   * What is below a directory, or the entry of a file; "" is all.
   *
   * @returns `undefined`: there is no such path.
   * @throws {ConnectionProblem} After several tries.
   */
  async list(path: string): Promise<readonly CatalogueEntry[] | undefined> {
    // What can't be there is not asked for: too long a name would end the connection.
    if (path !== "" && !isListable(path)) return undefined;
    return await this.#withConnection(async (connection) => {
      const found: CatalogueEntry[] = [];
      let characters = 0;
      connection.list({ path });
      connection.flush();
      for (;;) {
        const answer = await connection.next();
        if (answer.type === "refused") {
          if (answer.refusal.code === ERROR_CODE.notFound) return undefined;
          throw new RefusedError(answer.refusal);
        }
        if (answer.type !== "list") throw new ServerLiesError("The server does not answer a list with one");
        // Such pages could go on for ever.
        if (answer.entries.length === 0 && !answer.isEnd) {
          throw new ServerLiesError("The server's list has empty pages", { isFinal: true });
        }
        for (const entry of answer.entries) {
          found.push(entry);
          characters += entry.path.length;
        }
        if (found.length > MAX_ENTRIES || characters > MAX_PATH_CHARACTERS) {
          throw new RefusedError({ code: ERROR_CODE.tooMuch, text: "more files than can be held" });
        }
        if (answer.isEnd) return found;
      }
    });
  }

  /** What version of a file the server has now. @throws {RefusedError} None. */
  async versionOf(path: string): Promise<FileVersion> {
    return await this.#root({ path, digest: false }, undefined);
  }

  /** What the server says a file is as a whole. @throws {RefusedError} It can't say. */
  async rootOf(path: string, size: number): Promise<FileVersion & { readonly root: string | undefined }> {
    return await this.#root({ path, digest: true }, Math.max(ROOT_LEAST_MS, size / ROOT_PACE * 1000));
  }

  [Symbol.dispose](): void {
    this.closeIdle();
  }

  async #root(
    request: { readonly path: string; readonly digest: boolean },
    silenceMs: number | undefined,
  ): Promise<FileVersion & { readonly root: string | undefined }> {
    return await this.#withConnection(async (connection) => {
      connection.root(request);
      connection.flush();
      const answer = await connection.next({ silenceMs });
      if (answer.type === "refused") throw new RefusedError(answer.refusal);
      if (answer.type !== "root") throw new ServerLiesError("The server does not answer for a root with one");
      const { size, mtimeMs, root } = answer.root;
      return { size, mtimeMs, root };
    });
  }

  /** Does something that can be done again on another connection. */
  async #withConnection<T>(task: (connection: XferConnection) => Promise<T>): Promise<T> {
    const patience = new Patience(this.signal);
    for (;;) {
      let connection: XferConnection | undefined;
      try {
        connection = await this.connectXfer();
        const result = await task(connection);
        this.release(connection);
        return result;
      } catch (problem) {
        connection?.[Symbol.dispose]();
        this.closeIdle();
        await patience.after(problem);
      }
    }
  }
}
