import { exported } from "../protocols/tracker/database_copy.ts";
import { printResult } from "../terminal/output.ts";
import { printableJson } from "../terminal/printable.ts";
import { type Command, defineCommand, EXIT } from "./command.ts";
import { text } from "./flag_values.ts";

/** `transfer tracker export`: all that is kept, as JSON lines. */
export const trackerExport: Command = defineCommand({
  name: "tracker export",
  summary: "Write all that a tracker keeps as JSON lines",
  examples: [
    ["transfer tracker export --db chat.db > chat.jsonl", "All peers, members and messages"],
  ],
  arguments: "",
  details: `
One object a line on standard output, by its type: peer, member, message. Passwords and
sessions are left out.`,
  flags: {
    db: { summary: "Database of the tracker", valueName: "FILE", default: "chat.db", parse: text },
  },
  run({ db }) {
    for (const each of exported(db)) printResult(printableJson(each));
    return Promise.resolve(EXIT.done);
  },
});
