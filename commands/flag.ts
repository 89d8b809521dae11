/** What JSON may stand for a flag in a settings file: a part of JSON Schema (draft 2020-12). */
export interface JsonForm {
  readonly type: "string" | "integer" | "boolean" | readonly ("string" | "integer")[];
  readonly [keyword: string]: unknown;
}

/** Makes a value of a flag's text. @throws {RangeError} It is none; the message says what is expected. */
export interface Parse<T> {
  (text: string): T;
  /** All texts that it takes, when they are few. */
  readonly choices?: readonly string[];
  /**
   * What stands for its text in JSON.
   *
   * @default { type: "string" }
   */
  readonly json?: JsonForm;
}

/** One flag of a command: how it is written, what it means, and how its text becomes a value. */
export interface Flag<T> {
  readonly summary: string;
  /**
   * What stands for the value in the help; a flag without one is switched on by its name alone. Shells complete
   * names of files for one with `FILE` in it, and of directories for `DIR`.
   */
  readonly valueName?: string;
  /** What the flag is when nobody sets it, as it would be typed. Without one it is `undefined`. */
  readonly default?: string;
  /** Environment variables that set it, besides `TRANSFER_` and its name. */
  readonly env?: readonly string[];
  /** May be given more than once; the texts are joined by `separator`. */
  readonly isList?: boolean;
  /**
   * What no item of a list contains.
   *
   * @default ","
   */
  readonly separator?: string;
  /** Its value is not repeated in errors, and not shown. */
  readonly isSecret?: boolean;
  /** A key of the settings file that the value can't exceed. A flag whose name begins with "max" bounds itself. */
  readonly boundedBy?: string;
  readonly parse: Parse<T>;
}

/** The flags of a command, by their names in camel case. */
export type Flags = Readonly<Record<string, Flag<unknown>>>;

/** The values of a command's flags after parsing; a flag without a default may be `undefined`. */
export type Values<F extends Flags> = {
  readonly [K in keyof F]: F[K] extends { readonly default: string } ? ReturnType<F[K]["parse"]>
    : ReturnType<F[K]["parse"]> | undefined;
};

/** Where environment variables are read. */
export type Env = (name: string) => string | undefined;
