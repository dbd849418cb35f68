/** The files that a user names. */
import * as Fs from "node:fs"

/**
 * Reads a file, and its mode. A pipe or a device may have no end, and the read would never return.
 *
 * @throws Error if there is no such file, or it is no regular one
 */
export const read = (path: string) => {
  const stats = Fs.statSync(path)
  if (!stats.isFile()) throw new Error("it is no regular file")
  return { mode: stats.mode, bytes: Fs.readFileSync(path) }
}
