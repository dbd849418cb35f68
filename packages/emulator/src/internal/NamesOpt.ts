/** Which file of a layer names `/opt`: it will not find its files where nothing is seen there. */
import * as Fs from "node:fs"
import * as NodePath from "node:path"

/** Of one file; a script is shorter, and a program says it somewhere else too. */
const maxBytes = 1024 * 1024
/** Of one layer. */
const maxFiles = 200

const namesOpt = (file: string): boolean => {
  const descriptor = Fs.openSync(file, "r")
  try {
    const bytes = Buffer.alloc(Math.min(maxBytes, Fs.fstatSync(descriptor).size))
    return bytes.subarray(0, Fs.readSync(descriptor, bytes)).includes("/opt/")
  } finally {
    Fs.closeSync(descriptor)
  }
}

const entriesOf = (folder: string): ReadonlyArray<Fs.Dirent> => {
  try {
    return Fs.readdirSync(folder, { withFileTypes: true })
  } catch {
    return []
  }
}

/**
 * The first file, relative to `opt`, that names `/opt/`: an entry of `extensions`, or a file in the folder that such an
 * entry has beside it under the same name, as in `extensions/a` and `a/index.mjs`.
 */
export const find = (opt: string): string | undefined => {
  const extensions = entriesOf(NodePath.join(opt, "extensions")).filter((entry) => !entry.isDirectory())
  const own = extensions.flatMap(({ name }) =>
    [...new Set([name, NodePath.parse(name).name])].flatMap((folder) =>
      entriesOf(NodePath.join(opt, folder))
        .filter((entry) => entry.isFile())
        .map((entry) => NodePath.join(folder, entry.name))
    )
  )
  return [...extensions.map(({ name }) => NodePath.join("extensions", name)), ...own]
    .slice(0, maxFiles)
    .find((path) => {
      const file = NodePath.join(opt, path)
      try {
        const stats = Fs.lstatSync(file)
        if (stats.isSymbolicLink()) return Fs.readlinkSync(file).startsWith("/opt/")
        return stats.isFile() && namesOpt(file)
      } catch {
        // Whoever starts it will say so.
        return false
      }
    })
}
