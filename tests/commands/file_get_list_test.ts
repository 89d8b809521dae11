import { assertEquals } from "@std/assert";
import { listLines } from "../../commands/file_get_list.ts";

const mtimeMs = new Date("2026-11-21T12:03:00").getTime();
const ENTRIES = [
  { path: "photos", type: "directory", size: 0, mtimeMs },
  { path: "photos/很长的文件.jpg", type: "file", size: 20_000_000, mtimeMs },
  { path: "photos/with-a-long-name-indeed.jpg", type: "file", size: 999, mtimeMs },
] as const;

const SHOWN: Readonly<Record<string, readonly string[]>> = {
  Infinity: [
    "photos/                                      2026-11-21 12:03",
    "photos/很长的文件.jpg               20.0 MB  2026-11-21 12:03",
    "photos/with-a-long-name-indeed.jpg    999 B  2026-11-21 12:03",
  ],
  "50": [
    "photos/                           2026-11-21 12:03",
    "photos/很长的文件.jpg    20.0 MB  2026-11-21 12:03",
    "photos/with-a-long-name-indeed.jpg",
    "                           999 B  2026-11-21 12:03",
  ],
  "40": [
    "photos/",
    "photos/很长的文件.jpg            20.0 MB",
    "photos/with-a-long-name-indeed.jpg",
    "                                   999 B",
  ],
};

for (const [columns, lines] of Object.entries(SHOWN)) {
  Deno.test(`a list on ${columns} columns`, () => assertEquals(listLines(ENTRIES, Number(columns)), lines));
}
