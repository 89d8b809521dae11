import { MAX_NAME } from "./limits.ts";

/** What peers may be called, and channels: no control, bidirectional or other invisible character. */
export const NAME = /^[\p{L}\p{N}._\-@#+:()](?:[\p{L}\p{M}\p{N}._\-@#+:() ]*[\p{L}\p{M}\p{N}._\-@#+:()])?$/u;

/** What {@linkcode NAME} allows, for people. */
export const NAME_WORDS = "letters, digits, spaces inside, and . _ - @ # + : ( )";

/** Whether a text is a name in the one form that names are compared in (NFC). */
export function isName(text: string): boolean {
  return text.length <= MAX_NAME && NAME.test(text) && text.normalize("NFC") === text;
}
