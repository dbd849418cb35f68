/** The writes to the disk, which may fail for want of room or rights. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as NodePath from "node:path"
import process from "node:process"
import * as UserError from "./UserError.ts"

/** Attempts a write, and fails with a sentence that names the target. */
export const attempt = <A>(target: string, write: () => A) =>
  Effect.try({
    try: write,
    catch: (cause) => UserError.make(`${target} cannot be written: ${UserError.reasonOf(cause)}`)
  })

/** Makes a folder in the folder for temporary files, and removes it when the scope closes. */
export const temporaryFolder = (prefix: string) =>
  Effect.acquireRelease(
    attempt(`the folder for temporary files ${Os.tmpdir()}`, () => Fs.mkdtempSync(NodePath.join(Os.tmpdir(), prefix))),
    (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
  )

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

/** Lets the content be written beside the target and moves it there, so that no reader sees half of it. */
export const replace = (target: string, write: (path: string) => void) =>
  attempt(target, () => {
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

/** Writes a file, and replaces the one that is there. */
export const writeFile = (file: string, bytes: Uint8Array) => replace(file, (path) => Fs.writeFileSync(path, bytes))

/** The folder, or the nearest one above it that exists. */
const existing = (folder: string): string => (Fs.existsSync(folder) ? folder : existing(NodePath.dirname(folder)))

/** Fails unless `writeFile` can write this file: the work before the write may be long. Nothing is left of the attempt. */
const checkWritable = (file: string) =>
  attempt(file, () => {
    const there = Fs.statSync(file, { throwIfNoEntry: false })
    if (there?.isDirectory() === true) throw new Error("it is a folder")
    // A file that replaces a device or a pipe takes it away from everyone.
    if (there?.isFile() === false) throw new Error("it is no regular file")
    // A folder, as those that are missing, since a folder may take one and no file, or the other way round.
    Fs.rmdirSync(Fs.mkdtempSync(NodePath.join(existing(NodePath.dirname(NodePath.resolve(file))), ".effect-lambda-")))
  })

const isSame = (a: string, b: string): boolean => NodePath.resolve(a) === NodePath.resolve(b)

/** Fails before the work unless each of the reports that were asked for can be written, and has its own file. */
export const checkWritableAll = Effect.fnUntraced(function* (reports: ReadonlyArray<Option.Option<string>>) {
  const files = reports.flatMap(Option.toArray)
  const twice = files.find((file, index) => files.findIndex((other) => isSame(other, file)) < index)
  if (twice !== undefined) return yield* UserError.fail(`${twice} is asked for twice: give each report its own file`)
  yield* Effect.forEach(files, checkWritable, { discard: true })
})

/** Removes a file, if it is there. */
export const remove = (file: string) =>
  Effect.try({
    try: () => Fs.rmSync(file, { force: true }),
    catch: (cause) => UserError.make(`${file} cannot be removed: ${UserError.reasonOf(cause)}`)
  })
