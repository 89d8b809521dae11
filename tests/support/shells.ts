import { transfer } from "./program.ts";

/** A shell that completes command lines, as a person who presses Tab sees it. */
export interface CompletingShell {
  readonly name: string;
  /**
   * What it offers for the last word of each line, sorted. zsh tells what becomes of the line instead, so it is
   * asked only where one thing can be meant.
   */
  complete(lines: readonly string[], cwd: string): Promise<readonly (readonly string[])[]>;
}

/** Bash's function is called as bash calls it; `=` is a word of its own, as it is to bash. */
const BASH = `
source "$0"
for line; do
  read -ra COMP_WORDS <<<"\${line//=/ = }"
  [[ $line == *" " || $line == *= ]] && COMP_WORDS+=("")
  COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
  _transfer
  printf '%s\\t' "\${COMPREPLY[@]}"
  echo
done`;

const FISH = `
source $argv[1]
for line in $argv[2..-1]
  echo (string join \\t -- (complete -C $line | string replace -r '\\t.*' ''))
end`;

/** Types each line into a zsh on a terminal of its own, presses Tab, and has the line shown. */
const ZSH = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PROMPT= RPROMPT=; stty cols 500; fpath=(\${0:h} $fpath); autoload -U compinit; compinit -u -D
  show() { print -r -- \\"<<\\$BUFFER>>\\" }; zle -N show; bindkey '^Xs' show; print -r RE''ADY"
zpty -r shell said '*READY*'
for line; do
  zpty -w -n shell "$line"$'\\t\\C-xs'
  zpty -r shell said '*<<*>>*'
  print -r -- "\${\${said##*<<}%%>>*}"
  zpty -w -n shell $'\\C-u'
done
zpty -d shell`;

/** The shells that `transfer completions` knows; each reads its script from a directory of its own. */
export async function completingShells(dir: string): Promise<readonly CompletingShell[]> {
  const install = async (shell: string, file: string) => {
    const { code, stdout, stderr } = await transfer(["completions", shell]);
    if (code !== 0) throw new Error(stderr);
    await Deno.mkdir(`${dir}/${shell}`);
    await Deno.writeTextFile(`${dir}/${shell}/${file}`, stdout);
    return `${dir}/${shell}/${file}`;
  };
  const bash = await install("bash", "transfer.bash");
  const fish = await install("fish", "transfer.fish");
  await install("zsh", "_transfer");
  const driver = `${dir}/zsh/drive`;
  await Deno.writeTextFile(driver, ZSH);
  const words = (line: string) => line.split("\t").filter((word) => word !== "").toSorted();
  const lastWord = (line: string) => [/(?:[^ =]*)=?$/.exec(line.trimEnd())?.[0].replace(/=$/, "") ?? ""];
  return [
    {
      name: "bash",
      complete: async (lines, cwd) => (await said("bash", ["-c", BASH, bash, ...lines], cwd)).map(words),
    },
    {
      name: "fish",
      complete: async (lines, cwd) =>
        (await said("fish", ["--no-config", "-c", FISH, fish, ...lines], cwd))
          // fish repeats what stands before "=".
          .map((line) => words(line).map((word) => word.replace(/^--[^=]+=/, ""))),
    },
    {
      name: "zsh",
      complete: async (lines, cwd) => (await said("zsh", ["-f", driver, ...lines], cwd)).map(lastWord),
    },
  ];
}

/** The lines that a program prints. */
async function said(program: string, args: readonly string[], cwd: string): Promise<string[]> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    env: { TERM: "dumb", HOME: cwd },
    signal: AbortSignal.timeout(30_000),
  }).output();
  const text = new TextDecoder();
  if (code !== 0) throw new Error(`${program}: ${text.decode(stderr)}`);
  return text.decode(stdout).replace(/\n$/, "").replaceAll("\r", "").split("\n");
}
