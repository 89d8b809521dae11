/** Certificate authorities that are trusted besides the system's, for connections of one client. */
export interface Trust extends Disposable {
  /** In PEM. */
  readonly caCerts: readonly string[];
  /** What a `WebSocket` and `fetch` take them from. */
  readonly client: Deno.HttpClient;
}

/**
 * Trusts the authorities of a PEM file.
 *
 * @throws {Error} It can't be read, or holds no certificate; the message is for a person.
 */
export async function trustFile(path: string): Promise<Trust> {
  let pem: string;
  try {
    pem = await Deno.readTextFile(path);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "there is no such file" : reasonOf(error);
    throw new Error(`The certificates to trust can't be read: ${why}`, { cause: error });
  }
  // `createHttpClient` takes a file without any, such as one with a key alone, for one with none to add.
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) {
    throw new Error('It holds no certificate in PEM ("-----BEGIN CERTIFICATE-----")');
  }
  const caCerts = [pem];
  try {
    const client = Deno.createHttpClient({ caCerts });
    return { caCerts, client, [Symbol.dispose]: () => client.close() };
  } catch (error) {
    throw new Error(`Its certificate is damaged (${reasonOf(error)})`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
