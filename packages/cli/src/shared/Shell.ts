/** Words of a shell, for commands that a person pastes and for scripts that a layer holds. */

/** Quotes a text as one word of a shell. */
export const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** Writes a text as one word of a shell, in quotes only if they are needed. */
export const word = (text: string): string => (/^[A-Za-z0-9_./:=-]+$/.test(text) ? text : quote(text))
