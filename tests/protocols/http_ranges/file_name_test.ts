import { assertEquals } from "@std/assert";
import { dispositionName, fileName } from "../../../protocols/http_ranges/file_name.ts";

const DISPOSITIONS: readonly (readonly [header: string, name: string | undefined])[] = [
  ['attachment; filename="film.mkv"', "film.mkv"],
  ["attachment; filename=film.mkv", "film.mkv"],
  ["inline;filename = film.mkv ", "film.mkv"],
  ["attachment; FileName=film.mkv", "film.mkv"],
  ["attachment; filename=my film.mkv", "my film.mkv"],
  ['attachment; filename="a;b\\"c.txt"; size=3', 'a;b"c.txt'],
  ["attachment; filename=plain.txt; filename*=UTF-8''na%C3%AFve%20file.txt", "naïve file.txt"],
  ["attachment; filename*=utf-8'en'%e2%82%ac.txt; filename=euro.txt", "€.txt"],
  ["attachment; filename*=ISO-8859-1''%A3.txt", "£.txt"],
  ["attachment; filename*=UTF-8''%ff.txt; filename=good.txt", "good.txt"],
  ["attachment; filename*=KOI8-R''%c1; filename=good.txt", "good.txt"],
  // UTF-8 as it arrives in a header that is read as Latin-1, and Latin-1 itself.
  ['attachment; filename="\u00e2\u0082\u00ac.txt"', "€.txt"],
  ['attachment; filename="\u00e9t\u00e9.txt"', "été.txt"],
  ['attachment; filename="one.txt"; filename="two.txt"', "one.txt"],
  ["attachment", undefined],
  ['attachment; filename=""', undefined],
  ["filename=film.mkv", undefined],
  ['attachment; xfilename="film.mkv"', undefined],
];

for (const [header, name] of DISPOSITIONS) {
  Deno.test(`Content-Disposition: ${header} names ${name}`, () =>
    assertEquals(dispositionName(header), name));
}

const URL_GIVEN = "http://localhost/files/film.mkv?token=1#t=5";

Deno.test("a name comes from Content-Disposition, else from the end of the URL", () => {
  const named = (url: string, finalUrl = url, contentDisposition?: string) =>
    fileName({ url, finalUrl, contentDisposition });
  assertEquals(named(URL_GIVEN), "film.mkv");
  assertEquals(named(URL_GIVEN, URL_GIVEN, "attachment; filename=other.mkv"), "other.mkv");
  assertEquals(named("http://localhost/a%20b/c%20d.txt"), "c d.txt");
  assertEquals(named("http://localhost/100%/"), "100%");
  assertEquals(named("http://localhost/"), "localhost");
  assertEquals(named("http://localhost/latest", "http://cdn.localhost/app-1.2.zip"), "app-1.2.zip");
  assertEquals(named("http://localhost/app.zip", "http://cdn.localhost/3f2a.bin"), "app.zip");
  assertEquals(named("http://localhost/latest", "http://cdn.localhost/3f2a"), "latest");
});

Deno.test("no name leaves the directory, hides, or passes for one of this program's files", () => {
  const named = (name: string) =>
    fileName({ url: URL_GIVEN, finalUrl: URL_GIVEN, contentDisposition: `attachment; filename="${name}"` });
  assertEquals(named("../../etc/passwd"), "passwd");
  assertEquals(named("/etc/cron.d/job"), "job");
  assertEquals(named("C:\\\\Windows\\\\system.ini"), "system.ini");
  assertEquals(named("photos/2024/a.jpg"), "a.jpg");
  assertEquals(named(".bashrc"), "_bashrc");
  assertEquals(named("CON.txt"), "_CON.txt");
  assertEquals(named("film.mkv.part.journal"), "film.mkv.part.journal_");
  assertEquals(named(".."), "film.mkv");
  assertEquals(named("folder/"), "film.mkv");
  assertEquals(named("gpj.\u202eexe"), "gpj._exe");
  assertEquals(
    fileName({
      url: "http://localhost/x/..%2f..%2fetc%2fpasswd",
      finalUrl: URL_GIVEN,
      contentDisposition: null,
    }),
    "film.mkv",
  );
});
