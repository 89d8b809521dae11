import type { Completed, CompletedPlace } from "./completion_tree.ts";

/** Completions for bash 3.2 and later. */
export function bashScript(places: readonly CompletedPlace[]): string {
  const paths = places.filter(({ words }) => words.length > 0).map(pathOf);
  return `# bash completion of transfer; made by "transfer completions bash"
_transfer() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} path= at flags= words= names=
  # "=" is a word of its own to bash.
  if [[ $cur == "=" ]]; then cur=; elif [[ $prev == "=" ]]; then prev=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  for ((at = 1; at < COMP_CWORD; at++)); do
    case "$path \${COMP_WORDS[at]}" in
      ${paths.map(quoted).join(" | ")}) path+=" \${COMP_WORDS[at]}" ;;
      *) break ;;
    esac
  done
  COMPREPLY=()
  case "$path $prev" in
${valueCases(places)}
  esac
  case "$path" in
${places.map(placeCase).join("\n")}
  esac
  if [[ $cur == -* ]]; then
    _transfer_words "$flags"
  else
    ((at == COMP_CWORD)) && _transfer_words "$words"
    [[ -n $names ]] && _transfer_names "$names"
  fi
}
_transfer_words() {
  COMPREPLY+=($(compgen -W "$1" -- "$cur"))
}
_transfer_names() {
  # Bash quotes what it inserts, and hands over what was typed as it stands there.
  local name typed=\${cur//\\\\/}
  while IFS= read -r name; do COMPREPLY+=("$name"); done < <(compgen "$1" -- "$typed")
  compopt -o filenames 2>/dev/null
}
complete -F _transfer transfer
`;
}

/** Flags of all commands that take a value, by what completes it. */
function valueCases(places: readonly CompletedPlace[]): string {
  const byAction = new Map<string, string[]>();
  for (const place of places) {
    for (const { name, value, valueName } of place.flags) {
      if (valueName === undefined) continue;
      const action = actionOf(value);
      byAction.set(action, [...byAction.get(action) ?? [], quoted(`${pathOf(place)} ${name}`)]);
    }
  }
  return [...byAction].map(([action, flags]) =>
    `    ${flags.join(" | \\\n      ")})\n      ${action}return ;;`
  ).join("\n");
}

function actionOf(value: Completed): string {
  switch (value.kind) {
    case "nothing":
      return "";
    case "words":
      return `_transfer_words ${quoted(value.words.join(" "))}; `;
    default:
      return `_transfer_names ${optionOf(value)}; `;
  }
}

function placeCase(place: CompletedPlace): string {
  const { argument, flags, next } = place;
  const words = [...next.map(({ word }) => word), ...(argument.kind === "words" ? argument.words : [])];
  const option = optionOf(argument);
  return [
    `    ${quoted(pathOf(place))})`,
    `      flags=${quoted(flags.map(({ name }) => name).join(" "))}`,
    ...(words.length === 0 ? [] : [`      words=${quoted(words.join(" "))}`]),
    ...(option === "" ? [] : [`      names=${option}`]),
    "      ;;",
  ].join("\n");
}

/** Of `compgen`. */
function optionOf({ kind }: Completed): string {
  return kind === "files" ? "-f" : kind === "directories" ? "-d" : "";
}

/** The words of a place, each behind a space. */
function pathOf({ words }: CompletedPlace): string {
  return words.map((word) => ` ${word}`).join("");
}

function quoted(text: string): string {
  return `"${text}"`;
}
