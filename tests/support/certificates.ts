import { join } from "@std/path";

/** Certificates of a test's own, as PEM files in a directory; made by openssl, worth nothing elsewhere. */
export interface Certificates {
  /** Of the authority. */
  readonly ca: string;
  /** Issues a certificate for a server and answers with its chain and its key, as text. */
  issue(names: string, options?: { readonly days?: number }): Promise<{ cert: string; key: string }>;
  /** The authority's own. */
  readonly authority: { readonly cert: string; readonly key: string };
  /** One that issued itself, for localhost. */
  readonly own: { readonly cert: string; readonly key: string };
}

/** Makes {@linkcode Certificates}. */
export async function certificates(dir: string): Promise<Certificates> {
  const at = (name: string) => join(dir, name);
  const read = async (name: string) => ({
    cert: await Deno.readTextFile(at(`${name}.pem`)),
    key: await Deno.readTextFile(at(`${name}.key`)),
  });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const selfSign = (name: string, ...more: readonly string[]) =>
    openssl("req", "-x509", ...newKey, "-keyout", at(`${name}.key`), "-out", at(`${name}.pem`), ...more);
  await selfSign("ca", "-subj", "/CN=test authority");
  await selfSign(
    "own",
    "-subj",
    "/CN=localhost",
    "-addext",
    "subjectAltName=DNS:localhost",
    "-addext",
    "basicConstraints=CA:FALSE",
  );
  let count = 0;
  return {
    ca: at("ca.pem"),
    authority: await read("ca"),
    own: await read("own"),
    async issue(names, { days = 2 } = {}) {
      const name = `server-${count++}`;
      const request = at(`${name}.csr`);
      const extensions = at(`${name}.ext`);
      await Deno.writeTextFile(extensions, `subjectAltName=${names}`);
      const subject = ["-subj", `/CN=${name}`, "-out", request];
      await openssl("req", "-new", ...newKey, "-keyout", at(`${name}.key`), ...subject);
      const issuer = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-set_serial", `${count}`];
      const what = ["-in", request, "-out", at(`${name}.pem`), "-extfile", extensions, "-days", `${days}`];
      await openssl("x509", "-req", ...issuer, ...what);
      return await read(name);
    },
  };
}

async function openssl(...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", { args: [...args] }).output();
  if (!success) throw new Error(`openssl ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}
