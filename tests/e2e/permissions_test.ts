import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { EXERCISES } from "../support/exercises.ts";
import {
  commandOf,
  documentedPermissions,
  type Permission,
  permissionFlags,
} from "../support/permissions.ts";
import { onTerminal } from "../support/on_terminal.ts";
import { type Permissions, restrict, startTcpServer } from "../support/program.ts";
import { tempDir } from "../support/temp_dir.ts";

const documented = await documentedPermissions();

/** What the work of the exercise is done without, and why it is documented nevertheless. */
const NOT_MISSED: Readonly<Record<string, readonly string[]>> = {
  // It is for downloads, and makes its directory with the first one.
  "ws-serve": ["read FILES", "write FILES"],
  // An upload goes on in another run only with what is kept there.
  "upload": ["read STATE", "write STATE"],
  // That the list can't be written is a warning.
  "tcp-serve": ["read LIST", "write LIST"],
  // So it is here; and clients of the same machine have the same address.
  "udp-serve": ["net LISTEN", "read LIST", "write LIST"],
  // So have peers.
  "tracker chat": ["net SERVER"],
};

/** Gives each command what is documented, save what is said of one of them. */
function asDocumented(except?: readonly [command: string, permissions: readonly Permission[]]): Permissions {
  return (args, cwd) => {
    const name = commandOf(args, documented.keys());
    const permissions = name === except?.[0] ? except[1] : documented.get(name) ?? [];
    return permissionFlags(permissions, args, cwd);
  };
}

/** The permissions, without one word each. */
function oneLess(
  permissions: readonly Permission[],
): (readonly [word: string, rest: readonly Permission[]])[] {
  return permissions.flatMap(({ kind, words }, at) =>
    words.map((word) => {
      const rest = words.filter((each) => each !== word);
      return [
        `${kind} ${word}`,
        permissions.toSpliced(at, 1, ...rest.length === 0 ? [] : [{ kind, words: rest }]),
      ] as const;
    })
  );
}

Deno.test("the permissions of every command are documented", () => {
  assertEquals([...documented.keys()].toSorted(), Object.keys(EXERCISES).toSorted());
});

for (const [name, exercise] of Object.entries(EXERCISES)) {
  Deno.test(`${name} does its work with the permissions that are documented`, async () => {
    await using dir = await tempDir();
    using _limits = restrict(asDocumented());
    await exercise(dir.path);
  });

  Deno.test(`${name} fails with one permission less, or is known not to`, async () => {
    for (const [word, rest] of oneLess(documented.get(name) ?? [])) {
      await using dir = await tempDir();
      using _limits = restrict(asDocumented([name, rest]));
      if (NOT_MISSED[name]?.includes(word) === true) await exercise(dir.path);
      else await assertRejects(() => exercise(dir.path), Error, undefined, word);
    }
  });
}

Deno.test("on a terminal, too: a client draws its progress, and Ctrl+C ends a server", async () => {
  await using dir = await tempDir();
  const served = join(dir.path, "served");
  await Deno.mkdir(served);
  await Deno.writeTextFile(join(served, "file"), "12345");
  await using server = await startTcpServer(served);
  const options = { cwd: dir.path, type: () => {} };
  using _limits = restrict(asDocumented());
  const got = await onTerminal(["tcp-get", `127.0.0.1:${server.port}`, "file"], options);
  assertEquals(got.code, 0, got.screen);
  let isAsked = false;
  const stopped = await onTerminal(["tcp-serve", "served", "--port", "0", "--list", "list"], {
    cwd: dir.path,
    type(text, press) {
      if (isAsked || !text.includes("tls=")) return;
      isAsked = true;
      press("\x03");
    },
  });
  assertEquals(stopped.code, 0, stopped.screen);
  assertEquals(/stopped\n$/.test(stopped.screen), true, stopped.screen);
});
