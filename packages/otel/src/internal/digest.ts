/** A digest of a text, the same on every machine. Such a digest tells texts apart and keeps no secret. */

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0")

/** 16 hexadecimal digits that are not all zero. */
export const digest = (text: string): string => {
  let high = 0x9e3779b9
  let low = 0x41c6ce57
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    high = Math.imul(high ^ unit, 2654435761)
    low = Math.imul(low ^ unit, 1597334677)
  }
  // Each half takes bits of the other, so that all digits depend on all characters.
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  const digits = hex(high) + hex(low)
  return digits === "0000000000000000" ? "0000000000000001" : digits
}
