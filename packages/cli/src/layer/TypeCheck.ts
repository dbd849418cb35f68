/** The compiler of the project, run before a build. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
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

const decodeReferences = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({ references: Schema.optionalKey(Schema.Array(Schema.Struct({ path: Schema.String }))) })
  )
)

/** A reference leads to a file or to the folder of a tsconfig.json. */
const referencesOf = (config: string, shown: string): ReadonlyArray<string> =>
  Option.match(decodeReferences(shown), {
    onNone: () => [],
    onSome: ({ references = [] }) =>
      references.map(({ path }) => {
        const file = NodePath.resolve(NodePath.dirname(config), path)
        return path.endsWith(".json") ? file : NodePath.join(file, "tsconfig.json")
      })
  })

/** Its sources are right or wrong for all that one can tell: what it refers to has to be built first. */
const lacksReferences = (said: ReadonlyArray<string>): boolean => {
  const errors = said.filter((line) => /\berror TS\d+:/.test(line))
  return errors.length > 0 && errors.every((line) => line.includes("error TS6305:"))
}

/** Fails with what the compiler says. Says why where there is nothing to run, or where it did not look at the entry. */
export const run = Effect.fnUntraced(function* ({ entry, project }: Pick<LayerConfig, "entry" | "project">) {
  const config = findConfig(NodePath.dirname(entry), project)
  if (config === undefined) return "types are not checked: there is no tsconfig.json near the entry"
  const compiler = findCompiler(project)
  if (compiler === undefined) return `types are not checked: ${project} has no typescript`
  const compile = (file: string, ...args: ReadonlyArray<string>) =>
    execute(process.execPath, [compiler, "-p", file, ...args], { cwd: project, timeoutMillis: 300_000 })
  // Neither composite nor incremental: a check leaves nothing behind.
  const off = ["--noEmit", "--composite", "false", "--incremental", "false", "--pretty", "false"]
  const named = (file: string) => NodePath.relative(project, file)
  /** Gives the files that were looked at, and why their types are not known all the same. */
  const check = (file: string) =>
    compile(file, ...off, "--listFiles").pipe(
      Effect.map((listed) => ({ listed, note: undefined })),
      Effect.catch(({ message, output }) => {
        const said = output.split("\n").filter((line) => !NodePath.isAbsolute(line))
        if (lacksReferences(said)) {
          const note = `types are not checked: ${named(file)} refers to projects that are not built; tsc -b builds them`
          return Effect.succeed({ listed: output, note })
        }
        return UserError.fail(
          said.join("") === ""
            ? `the types could not be checked: ${message} (--no-check builds without)`
            : `the types are wrong (--no-check builds all the same):\n${said.join("\n")}`
        )
      })
    )
  const main = Fs.realpathSync(entry)
  const hasEntry = (listed: string) =>
    listed
      .split("\n")
      .some((file) => NodePath.basename(file) === NodePath.basename(main) && Fs.realpathSync(file) === main)

  const { listed, note } = yield* check(config)
  if (hasEntry(listed)) return note
  // A solution has no files of its own: the entry is in one of the projects that it refers to.
  const known = new Set([config])
  for (const file of known) {
    const shown = yield* compile(file, "--showConfig").pipe(Effect.orElseSucceed(() => ""))
    for (const reference of referencesOf(file, shown)) known.add(reference)
    if (file === config) continue
    const listed = yield* compile(file, ...off, "--listFilesOnly").pipe(Effect.orElseSucceed(() => ""))
    if (!hasEntry(listed)) continue
    return (yield* check(file)).note
  }
  return `types are not checked: ${named(config)} does not include ${named(entry)}`
})
