import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { EXIT, type ExitCode } from "../../commands/command.ts";
import { watchInput } from "../../commands/file_get_watch.ts";
import { ConnectionProblem } from "../../net/connection_problem.ts";
import { tempDir } from "../support/temp_dir.ts";

/** What becomes of a name, each time that it is asked for. */
type Outcome = "done" | "missing" | "corrupt" | "away";

/** Follows a file until all outcomes were used; `onFetch` may edit it. @returns What was asked for, and the code. */
async function watched(
  text: string,
  { outcomes, onFetch = () => {} }: {
    readonly outcomes: readonly Outcome[];
    readonly onFetch?: (input: string, count: number) => void;
  },
): Promise<{ readonly asked: readonly string[]; readonly code: ExitCode }> {
  await using dir = await tempDir();
  const input = join(dir.path, "input.txt");
  await Deno.writeTextFile(input, text);
  const asked: string[] = [];
  const stop = new AbortController();
  const code = await watchInput(input, {
    signal: stop.signal,
    readMs: 1,
    fetch: (name) => {
      const outcome = outcomes[asked.length];
      asked.push(name);
      onFetch(input, asked.length);
      if (asked.length === outcomes.length) stop.abort("SIGINT");
      if (outcome === "away") return Promise.reject(new ConnectionProblem("nobody there"));
      const code = outcome === "corrupt" ? EXIT.corrupt : EXIT.done;
      return Promise.resolve({ isMissing: outcome === "missing", code });
    },
  });
  return { asked, code };
}

Deno.test("names are fetched in order, once, and new ones as they come", async () => {
  const { asked, code } = await watched("b\na\nb\n", {
    outcomes: ["done", "done", "done"],
    onFetch: (input, count) => count === 2 && Deno.writeTextFileSync(input, "b\na\nb\nc"),
  });
  assertEquals([asked, code], [["b", "a", "c"], EXIT.done]);
});

Deno.test("what is not there is looked for again, what is corrupt is not, and the code tells the worst", async () => {
  const { asked, code } = await watched("a\nb\nc", {
    outcomes: ["missing", "corrupt", "done", "missing", "done"],
  });
  assertEquals([asked, code], [["a", "b", "c", "a", "a"], EXIT.corrupt]);
});

Deno.test("a server that is away is tried again from the same name on", async () => {
  const { asked, code } = await watched("a\nb", { outcomes: ["done", "away", "away", "done"] }).catch(
    (reason) => {
      return { asked: reason, code: undefined };
    },
  );
  assertEquals([asked, code], [["a", "b", "b", "b"], EXIT.done]);
});

Deno.test("an end in the middle of a file is told apart from one between two", async () => {
  await assertRejects(
    async () => {
      await watched("a", { outcomes: ["away"] }).catch((reason) => {
        throw new Error(String(reason));
      });
    },
    Error,
    "SIGINT",
  );
});
