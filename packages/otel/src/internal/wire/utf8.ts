/** UTF-8 in bytes, read without making a text of it. */

/** The end of the character of several bytes at `at`, by the table 3-7 of Unicode; `at` if it is none. */
const characterEnd = (bytes: Uint8Array, at: number, to: number): number => {
  const first = bytes[at] ?? 0
  const length = first < 0xc2 || first > 0xf4 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  if (length === 0 || at + length > to) return at
  const second = bytes[at + 1] ?? 0
  // Overlong forms, surrogates, and numbers beyond U+10FFFF.
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
  if (second < least || second > most) return at
  for (let index = at + 2; index < at + length; index++) {
    if (((bytes[index] ?? 0) & 0xc0) !== 0x80) return at
  }
  return at + length
}

/** How far the bytes from `from` to `to` are UTF-8. */
export const utf8End = (bytes: Uint8Array, from: number, to: number): number => {
  let at = from
  while (at < to) {
    if ((bytes[at] ?? 0) < 0x80) {
      at++
      continue
    }
    const end = characterEnd(bytes, at, to)
    if (end === at) return at
    at = end
  }
  return at
}
