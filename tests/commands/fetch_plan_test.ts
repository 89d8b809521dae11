import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { UsageError } from "../../commands/command.ts";
import { planFetches, shownUrl } from "../../commands/fetch_plan.ts";
import { tempDir } from "../support/temp_dir.ts";

const NOTHING = { input: undefined, out: undefined };

Deno.test("URLs come from arguments and from a file, each once", async () => {
  await using dir = await tempDir();
  const input = join(dir.path, "urls.txt");
  await Deno.writeTextFile(input, "# films\nhttp://a/2\r\n\n  http://a/3  \nhttp://a/1\n");
  const plan = await planFetches(["http://a/1", "http://a/1"], { ...NOTHING, input });
  assertEquals(plan.map(({ url }) => url), ["http://a/1", "http://a/2", "http://a/3"]);
  await assertRejects(() => planFetches([], NOTHING), UsageError, "Name a URL");
  await Deno.writeTextFile(input, "http://a/1\nftp://a/2\n");
  await assertRejects(() => planFetches([], { ...NOTHING, input }), UsageError, "line 2 of");
  await assertRejects(() => planFetches([], { ...NOTHING, input: dir.path }), UsageError, "--input");
});

Deno.test("what is no URL is named, unless it may hold a password", async () => {
  await assertRejects(() => planFetches(["film.mkv"], NOTHING), UsageError, 'got "film.mkv"');
  const error = await assertRejects(() => planFetches(["ftp://user:secret@a"], NOTHING), UsageError);
  assertEquals(error.message.includes("secret"), false);
  assertEquals(shownUrl("http://user:secret@a/b?c"), "http://a/b?c");
});

Deno.test("--out is a directory when there is one, or it ends like one, or several files go there", async () => {
  await using dir = await tempDir();
  const place = async (out: string | undefined, ...args: string[]) => {
    const [first] = await planFetches(args.length > 0 ? args : ["http://a/1"], { ...NOTHING, out });
    return [first?.directory, first?.name];
  };
  assertEquals(await place(undefined), [Deno.cwd(), undefined]);
  assertEquals(await place(dir.path), [dir.path, undefined]);
  assertEquals(await place(join(dir.path, "new/")), [join(dir.path, "new"), undefined]);
  assertEquals(await place(join(dir.path, "film.mkv")), [dir.path, "film.mkv"]);
  assertEquals(await place(join(dir.path, "films"), "http://a/1", "http://a/2"), [
    join(dir.path, "films"),
    undefined,
  ]);
  await assertRejects(() => place(join(dir.path, "film.part")), UsageError, "film.part_ is");
});
