/** The files of a layer, their size, and the way they get onto the disk. */
import * as Effect from "effect/Effect"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import process from "node:process"
import * as UserError from "../UserError.ts"
import * as Write from "./Write.ts"

/** A file; `path` is relative to /opt and has slashes. */
export interface LayerFile {
  readonly path: string
  readonly mode: 0o755 | 0o644
  readonly bytes: Uint8Array
}

/** The limits of Lambda: for a function with its layers, unpacked, and for a zip in a request. */
export const maxUnzippedBytes = 250 * 1024 * 1024
export const maxUploadBytes = 50 * 1024 * 1024

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
  return `it has ${Math.ceil(bytes / 1024 / 1024)} MB; Lambda takes 250 MB for a function and all of its layers`
}

/**
 * Makes a folder and the folders above it. The option `recursive` does not fit: it never returns if the folder above lets
 * nothing be made in it, as /proc does.
 */
export const makeFolder = (folder: string): void => {
  if (Fs.existsSync(folder)) return
  makeFolder(NodePath.dirname(folder))
  try {
    Fs.mkdirSync(folder)
  } catch (error) {
    // Another build may have made the folder in between.
    if (!Fs.existsSync(folder)) throw error
  }
}

/**
 * Writes the files below a folder that has none of them yet. Modes are set, since the umask of the user cuts those of
 * `mkdir` and `writeFile`, and extensions run as another user.
 */
export const writeFiles = (folder: string, files: ReadonlyArray<LayerFile>): void => {
  for (const { bytes, mode, path } of files) {
    const target = NodePath.join(folder, path)
    makeFolder(NodePath.dirname(target))
    Fs.writeFileSync(target, bytes)
    Fs.chmodSync(target, mode)
    for (let parent = target; parent !== folder;) {
      parent = NodePath.dirname(parent)
      Fs.chmodSync(parent, 0o755)
    }
  }
}

/** Lets the content be written beside the target and moves it there, so that no reader sees half of it. */
const replace = (target: string, write: (path: string) => void) =>
  Write.attempt(target, () => {
    const temporary = `${target}.${process.pid}.tmp`
    const old = `${temporary}.old`
    try {
      makeFolder(NodePath.dirname(target))
      write(temporary)
      // A folder cannot replace a folder that holds something.
      if (Fs.statSync(target, { throwIfNoEntry: false })?.isDirectory() === true) Fs.renameSync(target, old)
      Fs.renameSync(temporary, target)
      Fs.rmSync(old, { recursive: true, force: true })
    } finally {
      Fs.rmSync(temporary, { recursive: true, force: true })
      if (Fs.existsSync(old)) Fs.renameSync(old, target)
    }
  })

/** Writes the layer as a directory laid out as /opt, and replaces the one that an earlier build left. */
export const writeDirectory = Effect.fnUntraced(function* (directory: string, files: ReadonlyArray<LayerFile>) {
  const found = Fs.statSync(directory, { throwIfNoEntry: false })
  if (found !== undefined && !Fs.existsSync(NodePath.join(directory, "extensions"))) {
    return yield* UserError.fail(
      `${directory} is there and is not a layer of an earlier build: remove it, or choose another folder with --out`
    )
  }
  yield* replace(directory, (path) => writeFiles(path, files))
})

/** Writes a file, and replaces the one that is there. */
export const writeFile = (file: string, bytes: Uint8Array) => replace(file, (path) => Fs.writeFileSync(path, bytes))

export const remove = (file: string) =>
  Effect.try({
    try: () => Fs.rmSync(file, { force: true }),
    catch: (cause) => UserError.make(`${file} cannot be removed: ${UserError.reasonOf(cause)}`)
  })
