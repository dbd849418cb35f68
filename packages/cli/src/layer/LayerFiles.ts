/** The files of a layer that is made here: their order, hash and size, and the way they get onto the disk. */
import * as Effect from "effect/Effect"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import * as Disk from "../shared/Disk.ts"
import * as UserError from "../shared/UserError.ts"
import { maxUnzippedBytes } from "./LayerLimits.ts"

/** A file; `path` is relative to /opt and has slashes. */
export interface LayerFile {
  readonly path: string
  readonly mode: 0o755 | 0o644
  readonly bytes: Uint8Array
}

/** The order of the files in a zip and in the hash: by bytes, the same in every locale. */
export const sorted = (files: ReadonlyArray<LayerFile>): ReadonlyArray<LayerFile> =>
  files.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))

/** V8 writes caches that differ from run to run; everything else is the same for the same sources. */
export const isCache = ({ path }: LayerFile): boolean => path.endsWith(".cache")

/** SHA-256 over path, mode and bytes of every file that is no cache. */
export const contentHash = (files: ReadonlyArray<LayerFile>): string => {
  const hash = Crypto.createHash("sha256")
  for (const file of sorted(files)) {
    if (isCache(file)) continue
    hash.update(`${file.path}\0${file.mode.toString(8)}\0${file.bytes.length}\0`).update(file.bytes)
  }
  return hash.digest("hex")
}

export const unzippedBytes = (files: ReadonlyArray<LayerFile>): number =>
  files.reduce((total, { bytes }) => total + bytes.length, 0)

/** Why Lambda would not take these files, if that is so. */
export const sizeProblem = (files: ReadonlyArray<LayerFile>): string | undefined => {
  const bytes = unzippedBytes(files)
  if (bytes <= maxUnzippedBytes) return undefined
  return `the layer has ${Math.ceil(bytes / 1024 / 1024)} MB; Lambda takes 250 MB for a function and all of its layers`
}

/**
 * Writes the files below a folder that has none of them yet. Modes are set, since the umask of the user cuts those of
 * `mkdir` and `writeFile`, and extensions run as another user.
 */
export const writeFiles = (folder: string, files: ReadonlyArray<LayerFile>): void => {
  for (const { bytes, mode, path } of files) {
    const target = NodePath.join(folder, path)
    Disk.makeFolder(NodePath.dirname(target))
    Fs.writeFileSync(target, bytes)
    Fs.chmodSync(target, mode)
    for (let parent = target; parent !== folder;) {
      parent = NodePath.dirname(parent)
      Fs.chmodSync(parent, 0o755)
    }
  }
}

/** Writes the layer as a directory laid out as /opt, and replaces the one that an earlier build left. */
export const writeDirectory = Effect.fnUntraced(function* (directory: string, files: ReadonlyArray<LayerFile>) {
  const found = Fs.statSync(directory, { throwIfNoEntry: false })
  if (found !== undefined && !Fs.existsSync(NodePath.join(directory, "extensions"))) {
    return yield* UserError.fail(
      `${directory} is there and is not a layer of an earlier build: remove it, or choose another folder with --out`
    )
  }
  yield* Disk.replace(directory, (path) => writeFiles(path, files))
})
