/** The files of a layer that exists already, in a zip or in a directory, made by any tool. */
import * as Result from "effect/Result"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import * as UserError from "../shared/UserError.ts"
import type { LayerEntry } from "./LayerEntry.ts"
import * as ZipReader from "./ZipReader.ts"

/**
 * A layer to look at.
 *
 * @category models
 * @since 0.1.0
 */
export interface LayerContent {
  readonly entries: ReadonlyArray<LayerEntry>
  /** The size of the zip; a directory has none. */
  readonly packedBytes: number | undefined
}

/** More than a zip without zip64 can hold; a larger directory is a mistake, such as `/`. */
const maxFiles = 100_000

const kindOf = (stats: Fs.Stats): LayerEntry["kind"] => {
  if (stats.isFile()) return "file"
  if (stats.isDirectory()) return "directory"
  return stats.isSymbolicLink() ? "symlink" : "other"
}

const fromDirectory = (root: string): Result.Result<LayerContent, string> => {
  const entries: Array<LayerEntry> = []
  const folders = [""]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const name of Fs.readdirSync(NodePath.join(root, folder)).toSorted()) {
      const path = folder === "" ? name : `${folder}/${name}`
      const file = NodePath.join(root, path)
      const stats = Fs.lstatSync(file)
      const kind = kindOf(stats)
      if (kind === "directory") folders.push(path)
      entries.push({
        path,
        kind,
        mode: stats.mode & 0o7777,
        size: kind === "file" ? stats.size : 0,
        read: () => (kind === "symlink" ? Buffer.from(Fs.readlinkSync(file)) : Fs.readFileSync(file))
      })
      if (entries.length > maxFiles)
        return Result.fail(`the directory has more than ${maxFiles} files; is it the right one?`)
    }
  }
  return Result.succeed({ entries, packedBytes: undefined })
}

const isGzip = (bytes: Uint8Array) => bytes[0] === 0x1f && bytes[1] === 0x8b

const fromZip = (file: string, size: number): Result.Result<LayerContent, string> => {
  if (size > 1024 ** 3) return Result.fail(`the file has ${size} bytes; no layer has more than 1 GiB`)
  const bytes = Fs.readFileSync(file)
  if (isGzip(bytes)) return Result.fail("the file is packed with gzip (a .tar.gz?); Lambda takes a zip")
  return Result.map(ZipReader.read(bytes), (entries) => ({ entries, packedBytes: bytes.length }))
}

/**
 * Opens a zip or a directory, or says in a sentence why it cannot be read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (path: string): Result.Result<LayerContent, string> => {
  const stats = Fs.statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return Result.fail("there is no such file or directory; build it first, or correct the path")
  if (!stats.isDirectory() && !stats.isFile()) return Result.fail("this path is neither a file nor a directory")
  return Result.try({
    try: () => (stats.isDirectory() ? fromDirectory(path) : fromZip(path, stats.size)),
    catch: UserError.reasonOf
  }).pipe(Result.flatMap((content) => content))
}
