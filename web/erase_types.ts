import * as nodeModule from "node:module";

/**
 * The same module without its types, and everything else at its place: JavaScript for a browser.
 *
 * Deno 2.9 has the function of Node, 2.7 has not; there the package is taken that Node's own is made of, which
 * costs 40 MB of memory and is therefore not loaded elsewhere. A binary has the modules without types already.
 */
export const eraseTypes: (source: string) => string = "stripTypeScriptTypes" in nodeModule
  ? nodeModule.stripTypeScriptTypes
  : await eraseByPackage();

async function eraseByPackage(): Promise<(source: string) => string> {
  const { default: { transformSync } } = await import("amaro");
  return (source) => transformSync(source, { mode: "strip-only" }).code;
}
