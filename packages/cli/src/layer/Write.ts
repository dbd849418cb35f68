/** Writes that may fail for want of room or rights on the disk. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as NodePath from "node:path"
import * as UserError from "../UserError.ts"

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
