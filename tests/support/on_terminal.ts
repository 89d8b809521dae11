import { type OnTerminalOptions, startOnTerminal } from "./program.ts";
import { Screen } from "./screen.ts";

/** Of the terminal. */
const SIZE = { columns: 100, rows: 10 };

/** Runs `transfer` on a terminal; `type` sees its screen after each piece of output, and may press keys. */
export async function onTerminal(
  args: readonly string[],
  { columns = SIZE.columns, type, ...options }: Omit<OnTerminalOptions, "columns" | "rows"> & {
    readonly columns?: number;
    readonly type: (screen: string, press: (keys: string) => void) => void;
  },
): Promise<{ readonly code: number; readonly screen: string; readonly output: string }> {
  const size = { ...SIZE, columns };
  const child = startOnTerminal(args, { ...size, ...options });
  const screen = new Screen(size);
  const errors = new Response(child.stderr).text();
  const keyboard = child.stdin.getWriter();
  const decoder = new TextDecoder();
  let output = "";
  for await (const bytes of child.stdout) {
    const text = decoder.decode(bytes, { stream: true });
    output += text;
    screen.write(text);
    type(screen.text, (keys) => void keyboard.write(new TextEncoder().encode(keys)).catch(() => {}));
  }
  await keyboard.close().catch(() => {});
  const { code } = await child.status;
  await errors;
  return { code, screen: screen.text, output };
}
