import { printResult } from "../terminal/output.ts";
import { type Command, defineCommand, EXIT, UsageError } from "./command.ts";
import { COMMANDS } from "./command_table.ts";
import { bashScript } from "./completion_bash.ts";
import { fishScript } from "./completion_fish.ts";
import { completedPlaces } from "./completion_tree.ts";
import { zshScript } from "./completion_zsh.ts";

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** `transfer completions`: a script that a shell reads, once, to complete command lines without `transfer`. */
export const completions: Command = defineCommand({
  name: "completions",
  summary: "Print what makes a shell complete commands, flags and values",
  arguments: Object.keys(SCRIPTS).join("|"),
  examples: [
    [
      "transfer completions bash > ~/.local/share/bash-completion/completions/transfer",
      "For bash with the package bash-completion; without it: source <(transfer completions bash)",
    ],
    ['transfer completions zsh > "${fpath[1]}/_transfer"', "For zsh, before compinit is called"],
    ["transfer completions fish > ~/.config/fish/completions/transfer.fish", "For fish"],
  ],
  flags: {},
  async run(_, { args }) {
    const [shell = "", ...more] = args;
    if (!isShell(shell) || more.length > 0) {
      throw new UsageError(`Expected one shell: ${Object.keys(SCRIPTS).join(", ")}`);
    }
    printResult(SCRIPTS[shell](await completedPlaces(COMMANDS)).trimEnd());
    return EXIT.done;
  },
});

function isShell(name: string): name is keyof typeof SCRIPTS {
  return Object.hasOwn(SCRIPTS, name);
}
