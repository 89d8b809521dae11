import { backUp } from "../protocols/tracker/database_copy.ts";
import { printResult } from "../terminal/output.ts";
import { printable } from "../terminal/printable.ts";
import { type Command, defineCommand, EXIT, UsageError } from "./command.ts";
import { text } from "./flag_values.ts";

/** `transfer tracker backup`: a copy of the database, also while it is in use. */
export const trackerBackup: Command = defineCommand({
  name: "tracker backup",
  summary: "Copy the database of a tracker, also of one that runs",
  examples: [
    ["transfer tracker backup chat-copy.db", "Of chat.db, also while a tracker uses it"],
  ],
  arguments: "FILE",
  flags: {
    db: { summary: "Database of the tracker", valueName: "FILE", default: "chat.db", parse: text },
  },
  async run({ db }, { args }) {
    const [target, ...more] = args;
    if (target === undefined || more.length > 0) throw new UsageError("Expected one FILE to write to");
    try {
      await backUp(db, target);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      throw new Error(`${printable(target)} is there already: choose another name`, { cause: error });
    }
    printResult(`Copied ${printable(db)} to ${printable(target)}`);
    return EXIT.done;
  },
});
