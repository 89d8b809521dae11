import { assertEquals } from "@std/assert";
import { WantedNames } from "../../commands/wanted_names.ts";

Deno.test("names are wanted in the order of the list, each once, until they are settled", () => {
  const wanted = new WantedNames();
  assertEquals(wanted.pending("\ufeffb\r\na film.mkv\n\nb\n c "), ["b", "a film.mkv", " c "]);
  wanted.settle("b");
  assertEquals(wanted.pending("b\na film.mkv\nnew"), ["a film.mkv", "new"]);
  assertEquals(wanted.pending(""), []);
});

Deno.test("a name that is not there is news once, and stays wanted", () => {
  const wanted = new WantedNames();
  assertEquals([wanted.missing("a"), wanted.missing("a"), wanted.missing("b")], [true, false, true]);
  assertEquals(wanted.pending("a\nb"), ["a", "b"]);
});
