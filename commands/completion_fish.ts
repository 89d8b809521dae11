import type { Completed, CompletedPlace } from "./completion_tree.ts";

/** Completions for fish. */
export function fishScript(places: readonly CompletedPlace[]): string {
  const paths = places.filter(({ words }) => words.length > 0).map(({ words }) => `'${pathOf(words)}'`);
  return `# fish completion of transfer; made by "transfer completions fish"
function __transfer_is
    set -l path
    set -l rest
    for word in (commandline -opc)[2..-1]
        if test -z "$rest"; and contains -- "$path $word" ${paths.join(" ")}
            set path "$path $word"
        else
            set rest $rest $word
        end
    end
    test "$path" = "$argv[1]"; and test "$argv[2]" != start -o -z "$rest"
end
complete -c transfer -f
${places.flatMap(lines).join("\n")}
`;
}

function lines({ words, next, flags, argument }: CompletedPlace): string[] {
  const path = quoted(pathOf(words));
  const here = `complete -c transfer -n ${quoted(`__transfer_is ${path}`)}`;
  const start = `complete -c transfer -n ${quoted(`__transfer_is ${path} start`)}`;
  return [
    ...next.map(({ word, summary }) => `${start} -a ${quoted(word)} -d ${quoted(summary)}`),
    ...(argument.kind === "nothing" ? [] : [`${here}${actionOf(argument)}`]),
    ...flags.map(({ name, summary, value, valueName }) =>
      `${here} -l ${name.replace(/^--/, "")} -d ${quoted(summary)}` +
      (valueName === undefined ? "" : ` -r${actionOf(value) || " -f"}`)
    ),
  ];
}

function actionOf(value: Completed): string {
  switch (value.kind) {
    case "nothing":
      return "";
    case "words":
      return ` -f -a ${quoted(value.words.join(" "))}`;
    case "files":
      return " -F";
    case "directories":
      return " -f -a '(__fish_complete_directories)'";
  }
}

/** Each word behind a space. */
function pathOf(words: readonly string[]): string {
  return words.map((word) => ` ${word}`).join("");
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
