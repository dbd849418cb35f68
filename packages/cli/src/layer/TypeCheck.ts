/** The compiler of the project, run before a build. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { createRequire } from "node:module"
import * as NodePath from "node:path"
import process from "node:process"
import * as UserError from "../UserError.ts"
import { execute } from "./Execute.ts"
import type { LayerConfig } from "./LayerConfig.ts"

/** The tsconfig.json at or above the entry, in the project. */
const findConfig = (folder: string, project: string): string | undefined => {
  const file = NodePath.join(folder, "tsconfig.json")
  if (Fs.existsSync(file)) return file
  return folder === project || folder === NodePath.dirname(folder)
    ? undefined
    : findConfig(NodePath.dirname(folder), project)
}

const findCompiler = (project: string): string | undefined => {
  try {
    const manifest = createRequire(NodePath.join(project, "package.json")).resolve("typescript/package.json")
    return NodePath.join(NodePath.dirname(manifest), "bin/tsc")
  } catch {
    return undefined
  }
}

/** Fails with what the compiler says. Says why where there is nothing to run. */
export const run = Effect.fnUntraced(function* ({ entry, project }: Pick<LayerConfig, "entry" | "project">) {
  const config = findConfig(NodePath.dirname(entry), project)
  if (config === undefined) return "types are not checked: there is no tsconfig.json near the entry"
  const compiler = findCompiler(project)
  if (compiler === undefined) return `types are not checked: ${project} has no typescript`
  // Neither composite nor incremental: a check leaves nothing behind.
  const off = ["--noEmit", "--composite", "false", "--incremental", "false", "--pretty", "false"]
  const args = [compiler, ...off, "-p", config]
  yield* execute(process.execPath, args, { cwd: project, timeoutMillis: 300_000 }).pipe(
    Effect.mapError(({ message, output }) =>
      UserError.make(
        output === ""
          ? `the types could not be checked: ${message} (--no-check builds without)`
          : `the types are wrong (--no-check builds all the same):\n${output}`
      )
    )
  )
  return undefined
})
