/** A body that grows as its bytes come. */

/**
 * The bytes of a body, one chunk more. There is room for as many as were announced, or for as many again if none were, and
 * for none if more than `room` is wanted.
 *
 * @param length how many bytes of `body` are in use
 */
export const append = (
  body: Buffer,
  length: number,
  chunk: Buffer,
  announced: number,
  maxBytes: number,
  room: number
): Buffer => {
  if (length === 0) return chunk
  const needed = length + chunk.length
  if (needed > body.length) {
    const wanted = Math.min(maxBytes, Math.max(needed, announced > 0 ? announced : 2 * length))
    const larger = Buffer.allocUnsafe(wanted - body.length <= room ? wanted : needed)
    body.copy(larger, 0, 0, length)
    body = larger
  }
  chunk.copy(body, length)
  return body
}
