/**
 * The end of a string of JSON, in a runtime that interprets, such as LLRT: a step of a loop costs as much as a search in some
 * hundred bytes. The import `#string-end` takes this module or the one beside it by the condition of the runtime.
 */

const quote = 0x22
const backslash = 0x5c

/** Whether the quote belongs to the text: then an odd number of backslashes is before it. */
const isEscaped = (bytes: Uint8Array, from: number, at: number): boolean => {
  let first = at
  while (first > from && bytes[first - 1] === backslash) first--
  return (at - first) % 2 === 1
}

/** The place of the quote that ends the string whose first byte is at `from`; -1 if it does not end. */
export const stringEnd = (bytes: Uint8Array, from: number): number => {
  let at = bytes.indexOf(quote, from)
  while (at !== -1 && bytes[at - 1] === backslash && isEscaped(bytes, from, at)) at = bytes.indexOf(quote, at + 1)
  return at
}
