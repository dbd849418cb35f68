/** The end of a string of JSON, in a runtime that compiles loops, such as V8. */

const quote = 0x22
const backslash = 0x5c

/** The place of the quote that ends the string whose first byte is at `from`; -1 if it does not end. */
export const stringEnd = (bytes: Uint8Array, from: number): number => {
  let at = from
  let byte = bytes[at]
  while (byte !== quote) {
    if (byte === undefined) return -1
    if (byte === backslash) at++
    byte = bytes[++at]
  }
  return at
}
