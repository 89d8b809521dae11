import { assertEquals, assertStringIncludes } from "@std/assert";
import { onTerminal } from "../support/on_terminal.ts";
import { tempDir } from "../support/temp_dir.ts";
import { testTracker } from "../support/tracker.ts";

/** Flags of a chat. */
function flags(url: string, dir: string): string[] {
  return ["tracker", "chat", "--tracker", url, "--name", "alice", "--key", `${dir}/alice.pem`];
}

/** Calls each step once, as soon as the screen shows what it waits for. */
function inTurn(steps: readonly (readonly [RegExp, () => void])[]): (screen: string) => void {
  const left = [...steps];
  return (screen) => {
    if (left[0]?.[0].test(screen)) left.shift()?.[1]();
  };
}

Deno.test("a line that is half typed stays whole when somebody else says something", async () => {
  await using dir = await tempDir();
  await using tracker = await testTracker();
  // Wider than the terminal, so that it takes two rows.
  const half = `${"half ".repeat(25)}t`;
  let press = (_keys: string) => {};
  const step = inTurn([
    [/You are alice in #general.*\n>$/s, () => press(half)],
    [/half t$/, () => {
      const said = { peer_id: "bob", channel: "general", message: "meanwhile\u001b[2J" };
      void tracker.post("/broadcast-peer", said);
    }],
    [/meanwhile.*half t$/s, () => press("yped\r")],
    [/sent {2}\[tracker\]/, () => press("/help\r")],
    [/\/quit +leave/, () => press("\u0004")],
  ]);
  const { code, screen } = await onTerminal(flags(tracker.url, dir.path), {
    cwd: dir.path,
    type(shown, keyboard) {
      press = keyboard;
      step(shown);
    },
  });
  assertEquals(code, 0, screen);
  const { body } = await tracker.get("/get-messages");
  assertEquals(body.messages.at(-1).message, `${half}yped`);
  assertStringIncludes(screen, "#general bob: meanwhile\\u{1b}[2J  [tracker]\n> half half");
  // Nothing of what was half typed is left above.
  assertEquals(screen.match(/> half/g)?.length, 1, screen);
});

Deno.test("Ctrl+C ends a chat, and the terminal is as it was", async () => {
  await using dir = await tempDir();
  await using tracker = await testTracker();
  let isPressed = false;
  const { code, output } = await onTerminal(flags(tracker.url, dir.path), {
    cwd: dir.path,
    type(shown, press) {
      if (isPressed || !shown.includes("You are alice")) return;
      isPressed = true;
      press("half\u0003");
    },
  });
  assertEquals(code, 130, output);
});

Deno.test("Ctrl+C at the question for a password adds nobody", async () => {
  await using dir = await tempDir();
  let isPressed = false;
  const { code, screen } = await onTerminal(["tracker", "user", "add", "ann"], {
    cwd: dir.path,
    type(shown, press) {
      if (isPressed || !shown.includes("Password:")) return;
      isPressed = true;
      press("correct horse\u0003");
    },
  });
  assertEquals(code, 130, screen);
  assertEquals([...Deno.readDirSync(dir.path)], []);
  assertEquals(screen.includes("correct"), false);
});
