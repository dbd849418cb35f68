/** A project of a user, outside of the workspace: its compiler and its packages are those of the repository. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "../../..")

/** Writes the project into an empty folder, with an empty folder for its sources. */
export const writeProject = (folder: string, sources: string): void => {
  mkdirSync(join(folder, sources))
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
  writeFileSync(join(folder, "package.json"), '{"type":"module"}')
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: join(root, "tsconfig.base.json"),
      compilerOptions: { composite: false, incremental: false, noEmit: true, types: ["node"], plugins: [] },
      include: [sources]
    })
  )
}
