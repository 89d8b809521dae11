import { assert, assertEquals } from "@std/assert";
import { join, relative, toFileUrl } from "@std/path";
import { ROOT } from "./support/program.ts";

interface GraphModule {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly isDynamic?: boolean;
    readonly code?: { readonly specifier: string };
  }[];
}

/** What is read when a module is imported: files by their paths, packages by their names. */
async function readWith(modules: readonly string[]): Promise<(path: string) => string[]> {
  const byUrl = new Map<string, GraphModule>();
  for (const module of modules) {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--config", join(ROOT, "deno.json"), join(ROOT, module)],
    }).output();
    const graph: { readonly modules: readonly GraphModule[] } = JSON.parse(new TextDecoder().decode(stdout));
    for (const each of graph.modules) byUrl.set(each.specifier, each);
  }
  return (path) => {
    const seen = new Set([toFileUrl(join(ROOT, path)).href]);
    for (const url of seen) {
      for (const { isDynamic, code } of byUrl.get(url)?.dependencies ?? []) {
        if (isDynamic !== true && code !== undefined) seen.add(code.specifier);
      }
    }
    return [...seen].map((url) => /^npm:\/?((?:@[^/]+\/)?[^@/]+)/.exec(url)?.[1] ?? pathOf(url)).toSorted();
  };
}

function pathOf(url: string): string {
  return url.startsWith("file:") ? relative(ROOT, new URL(url).pathname) : url;
}

Deno.test("transfer --help reads the table of commands, and none of them", async () => {
  const read = await readWith(["main.ts"]);
  assertEquals(read("main.ts"), [
    "commands/command_table.ts",
    "commands/exit_code.ts",
    "commands/help.ts",
    "commands/suggestion.ts",
    "deno.json",
    "main.ts",
    "terminal/output.ts",
    "terminal/printable.ts",
    "terminal/terminal.ts",
    "terminal/text_width.ts",
  ]);
});

/** What each command may read of protocols, pages and packages; what is shared by all is small. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  completions: [],
  config: [],
  fetch_ranges: ["protocols/http_ranges", "zod"],
  tcp_get: ["protocols/tcp_file", "zod"],
  tcp_serve: ["protocols/tcp_file", "@logtape/logtape", "zod"],
  tracker_backup: ["protocols/tracker", "zod"],
  tracker_chat: ["protocols/tracker", "zod"],
  tracker_export: ["protocols/tracker", "zod"],
  tracker_proxy: ["protocols/proxy", "@logtape/logtape"],
  tracker_serve: [
    ...["protocols/tracker", "web", "zod"],
    ...["@hono/zod-openapi", "@logtape/logtape", "rate-limiter-flexible"],
  ],
  tracker_user: ["protocols/tracker"],
  // It shows a large file in as many parts as it would have over TCP.
  udp_get: ["protocols/udp_file", "protocols/tcp_file", "zod"],
  udp_serve: ["protocols/udp_file", "@logtape/logtape", "zod"],
  upload: ["protocols/ws_upload"],
  ws_serve: ["protocols/ws_upload", "protocols/http_ranges", "web", "@logtape/logtape", "send", "zod"],
};
const EVERYWHERE = ["commands", "deno-std", "net", "store", "terminal"];

Deno.test("a command reads its own protocol, and nothing of the others", async () => {
  const table = await Deno.readTextFile(join(ROOT, "commands", "command_table.ts"));
  const found = [...table.matchAll(/import\("\.\/(\w+)\.ts"\)/g)].map(([, name = ""]) => name);
  const commands = [...new Set(found)].toSorted();
  assertEquals(commands, Object.keys(ALLOWED));
  const read = await readWith(commands.map((name) => `commands/${name}.ts`));
  for (const name of commands) {
    const parts = read(`commands/${name}.ts`).filter((part) => !part.startsWith("node:"))
      .map((part) => /^(?:protocols\/)?\w+(?=\/)/.exec(part)?.[0] ?? part);
    const allowed = [...EVERYWHERE, ...ALLOWED[name] ?? []];
    assert(parts.includes("commands"), name);
    assertEquals(parts.filter((part) => !allowed.includes(part)), [], name);
  }
});
