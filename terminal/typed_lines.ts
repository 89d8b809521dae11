import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import { terminalSize } from "./terminal.ts";
import { wrapWords } from "./text_width.ts";

/** Options of {@linkcode TypedLines}. */
export interface TypedLinesOptions {
  /** What the line that is typed begins with. */
  readonly prompt: string;
  /** Ctrl+C, which is no signal while a line is edited. */
  readonly onInterrupt: () => void;
}

/**
 * Lines that a person types at the end of a terminal, with editing and history, while others are printed above
 * them: what is half typed stays whole. Until it is disposed of the terminal passes on each key.
 */
export class TypedLines implements Disposable {
  /** What was typed; ends with Ctrl+D on an empty line. */
  readonly lines: ReadableStream<string>;
  readonly #interface: Interface;

  /** Takes the terminal. Standard input and output have to be one. */
  constructor({ prompt, onInterrupt }: TypedLinesOptions) {
    const typed = createInterface({ input: process.stdin, output: process.stdout, terminal: true, prompt });
    this.#interface = typed;
    this.lines = new ReadableStream({
      start(controller) {
        typed.on("line", (line) => {
          controller.enqueue(line);
          typed.prompt();
        });
        typed.on("close", () => controller.close());
      },
    });
    typed.on("SIGINT", onInterrupt);
    typed.prompt();
  }

  /** Prints lines above the one that is being typed, wrapped between words. */
  print(text: string): void {
    const { rows } = this.#interface.getCursorPos();
    const toStart = rows === 0 ? "\r" : `\r\x1b[${rows}A`;
    const { columns } = terminalSize();
    const lines = text.split("\n").map((line) => wrapWords(line, columns)).join("\n");
    // The line that is typed is drawn anew, so many rows up as it had.
    process.stdout.write(
      `${toStart}\x1b[J${lines.replaceAll("\n", "\r\n")}\r\n${"\r\n".repeat(rows)}`,
    );
    this.#interface.prompt(true);
  }

  [Symbol.dispose](): void {
    this.#interface.close();
    // An empty prompt is no line of the conversation.
    process.stdout.write("\r\x1b[J");
  }
}
