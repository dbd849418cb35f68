/** Writes zips: the same files give the same bytes everywhere. */
import { zipSync, type Zippable } from "fflate"
import { type LayerFile, sorted } from "./LayerFiles.ts"

const unix = 3
const regularFile = 0o100000
// The format holds local time. The time is noon, since a change of clocks may have swallowed midnight.
const mtime = "1980-01-01T12:00:00"

/**
 * Writes the files in order, all with the same time, and with their modes. JavaScript compresses them, since the output of
 * zlib may depend on its version and on the processor. Level 9 would take a third longer for a Node binary, and save a
 * thousandth.
 */
export const write = (files: ReadonlyArray<LayerFile>): Uint8Array => {
  const entries: Zippable = {}
  for (const { bytes, mode, path } of sorted(files)) {
    entries[path] = [bytes, { os: unix, attrs: ((regularFile | mode) << 16) >>> 0 }]
  }
  return zipSync(entries, { level: 6, mtime })
}
