/** Finds the file of a layer that names `/opt`, and that will not find its files if nothing is seen there. */
import * as Fs from "node:fs"
import * as NodePath from "node:path"

/** The part of a file that is searched: a script is shorter, and a program has the name in other places too. */
const maxBytes = 1024 * 1024
/** The number of files of a layer that are searched. */
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

const isLinkToOpt = (path: string): boolean => {
  try {
    return Fs.readlinkSync(path).startsWith("/opt/")
  } catch {
    return false
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
 * The first file, relative to `opt`, that names `/opt/`. Candidates are the entries of `extensions`, and files in a
 * folder of the same name beside `extensions`, as in `extensions/a` and `a/index.mjs`. `extensions` may be a link
 * itself.
 */
export const find = (opt: string): string | undefined => {
  if (isLinkToOpt(NodePath.join(opt, "extensions"))) return "extensions"
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
        return isLinkToOpt(file) || (Fs.lstatSync(file).isFile() && namesOpt(file))
      } catch {
        // The start of the file will report this.
        return false
      }
    })
}
