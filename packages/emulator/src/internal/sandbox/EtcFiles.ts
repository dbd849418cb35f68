/** Files that lie over files of /etc for the processes of an environment. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as NodePath from "node:path"
import type { Mount } from "./MountNamespace.ts"

/** `undefined` if there is no such file. */
export const read = (file: string): string | undefined => {
  try {
    return Fs.readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}

/** Writes the files, by the paths at which the processes see them, into a folder of the scope. */
export const mounts = (
  files: Readonly<Record<string, string>>
): Effect.Effect<ReadonlyArray<Mount>, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(NodePath.join(Os.tmpdir(), "effect-lambda-etc-"))),
      (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
    ),
    (folder) => {
      // Processes of other users may read it too.
      Fs.chmodSync(folder, 0o755)
      return Object.entries(files).map(([target, text]) => {
        const source = NodePath.join(folder, NodePath.basename(target))
        Fs.writeFileSync(source, text)
        Fs.chmodSync(source, 0o644)
        return { source, target }
      })
    }
  )
