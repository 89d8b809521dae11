import type { Completed, CompletedFlag, CompletedPlace } from "./completion_tree.ts";

/** Completions for zsh's `compinit`. */
export function zshScript(places: readonly CompletedPlace[]): string {
  const paths = places.filter(({ words }) => words.length > 0).map(({ words }) => `"${pathOf(words)}"`);
  return `#compdef transfer
# zsh completion of transfer; made by "transfer completions zsh"
_transfer() {
  local path_= curcontext=$curcontext
  local -A opt_args
  local -a next
  integer at=2
  while (( at < CURRENT )); do
    case "$path_ $words[at]" in
      (${paths.join("|")}) path_+=" $words[at]" ;;
      (*) break ;;
    esac
    (( at++ ))
  done
  # What follows the command is completed as if nothing were before it.
  words=(transfer "\${(@)words[at,-1]}")
  (( CURRENT -= at - 2 ))
  case "$path_" in
${places.map(placeCase).join("\n")}
  esac
}
if [[ $funcstack[1] == _transfer ]]; then _transfer "$@"; else compdef _transfer transfer; fi
`;
}

function placeCase({ words, next, flags, argument }: CompletedPlace): string {
  const specs = [
    ...flags.map(flagSpec),
    ...(argument.kind === "nothing" ? [] : [`*:argument:${actionOf(argument)}`]),
  ].map(quoted);
  const names = next.map(({ word, summary }) => quoted(`${word}:${summary}`));
  return [
    `    ("${pathOf(words)}")`,
    ...(names.length === 0 ? [] : [
      `      next=(${names.join("\n        ")})`,
      "      if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then _describe command next; return; fi",
    ]),
    ...(specs.length === 0 ? [] : [`      _arguments ${specs.join(" \\\n        ")}`]),
    "      ;;",
  ].join("\n");
}

/** As `_arguments` reads it. */
function flagSpec({ name, summary, value, valueName, isList }: CompletedFlag): string {
  const repeated = isList ? "*" : "";
  const about = `[${summary.replace(/[\\[\]]/g, "\\$&")}]`;
  if (valueName === undefined) return `${repeated}${name}${about}`;
  return `${repeated}${name}=${about}:${valueName.replace(/[\\:]/g, "\\$&")}:${actionOf(value)}`;
}

function actionOf(value: Completed): string {
  switch (value.kind) {
    case "nothing":
      return " ";
    case "words":
      return `(${value.words.join(" ")})`;
    case "files":
      return "_files";
    case "directories":
      return "_files -/";
  }
}

/** Each word behind a space. */
function pathOf(words: readonly string[]): string {
  return words.map((word) => ` ${word}`).join("");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
