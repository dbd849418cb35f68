/** Runs the compiler of the project before a build. */
import type * as CliError from "effect/cli/CliError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import { createRequire } from "node:module"
import * as NodePath from "node:path"
import process from "node:process"
import type { LayerConfig } from "../project/LayerConfig.ts"
import { execute } from "../shared/Execute.ts"
import * as UserError from "../shared/UserError.ts"

/** Says whether a folder has a file that only the root of a repository or of its packages has. */
const isRoot = (folder: string): boolean => {
  if ([".git", "pnpm-workspace.yaml"].some((name) => Fs.existsSync(NodePath.join(folder, name)))) return true
  try {
    return "workspaces" in JSON.parse(Fs.readFileSync(NodePath.join(folder, "package.json"), "utf8"))
  } catch {
    return false
  }
}

/** The root of the monorepo that has the project; without a monorepo the project itself. */
const findRoot = (project: string): string => {
  for (let folder = project; folder !== NodePath.dirname(folder); folder = NodePath.dirname(folder)) {
    if (isRoot(folder)) return folder
  }
  return project
}

/** The tsconfig.json at or above the entry, up to the root. */
const findConfig = (folder: string, root: string): string | undefined => {
  const file = NodePath.join(folder, "tsconfig.json")
  if (Fs.existsSync(file)) return file
  return folder === root || folder === NodePath.dirname(folder) ? undefined : findConfig(NodePath.dirname(folder), root)
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

/** Says whether the compiler misses the build of a referenced project; other errors may follow from that. */
const lacksReferences = (said: ReadonlyArray<string>): boolean => said.some((line) => line.includes("error TS6305:"))

/**
 * Checks the types, and fails with the errors of the compiler. Succeeds with a note if there is nothing to run, if the
 * compiler did not look at the entry, or if it had to build other projects first.
 */
export const run = Effect.fnUntraced(function* ({ entry, project }: Pick<LayerConfig, "entry" | "project">) {
  const config = findConfig(NodePath.dirname(entry), findRoot(project))
  if (config === undefined) return "types are not checked: there is no tsconfig.json near the entry"
  const compiler = findCompiler(project)
  if (compiler === undefined) return `types are not checked: ${project} has no typescript`
  const tsc = (...args: ReadonlyArray<string>) =>
    execute(process.execPath, [compiler, ...args], { cwd: project, timeoutMillis: 300_000 })
  const compile = (file: string, ...args: ReadonlyArray<string>) => tsc("-p", file, ...args)
  // Without composite and incremental, so that a check leaves no files behind.
  const off = ["--noEmit", "--composite", "false", "--incremental", "false", "--pretty", "false"]
  const named = (file: string) => NodePath.relative(project, file)
  const references = (file: string) =>
    compile(file, "--showConfig").pipe(
      Effect.orElseSucceed(() => ""),
      Effect.map((shown) => referencesOf(file, shown))
    )
  const failed = (what: string, said: ReadonlyArray<string>, message: string) =>
    UserError.fail(
      said.join("") === ""
        ? `${what} could not be checked: ${message} (--no-check builds without)`
        : `${what} are wrong (--no-check builds anyway):\n${said.join("\n")}`
    )
  /** Builds the referenced projects as their author would, into the folders that their configurations name. */
  const buildReferences = Effect.fnUntraced(function* (file: string) {
    const projects = yield* references(file)
    yield* tsc("-b", ...projects, "--pretty", "false").pipe(
      Effect.catch(({ message, output }) =>
        failed(`the types of the projects that ${named(file)} refers to`, output.split("\n"), message)
      )
    )
    return `the projects that ${named(file)} refers to were not built: tsc -b ${projects.map(named).join(" ")} has built them`
  })
  /** Gives the files that the compiler looked at, and a note if it had to build other projects first. */
  const check = (
    file: string,
    note?: string
  ): Effect.Effect<{ readonly listed: string; readonly note: string | undefined }, CliError.UserError> =>
    compile(file, ...off, "--listFiles").pipe(
      Effect.map((listed) => ({ listed, note })),
      Effect.catch(({ message, output }) => {
        const said = output.split("\n").filter((line) => !NodePath.isAbsolute(line))
        return note === undefined && lacksReferences(said)
          ? Effect.flatMap(buildReferences(file), (built) => check(file, built))
          : failed("the types", said, message)
      })
    )
  const main = Fs.realpathSync(entry)
  const hasEntry = (listed: string) =>
    listed
      .split("\n")
      .some((file) => NodePath.basename(file) === NodePath.basename(main) && Fs.realpathSync(file) === main)

  const { listed, note } = yield* check(config)
  if (hasEntry(listed)) return note
  // A solution has no files: the entry is in one of the projects that it refers to.
  const known = new Set([config])
  for (const file of known) {
    for (const reference of yield* references(file)) known.add(reference)
    if (file === config) continue
    const listed = yield* compile(file, ...off, "--listFilesOnly").pipe(Effect.orElseSucceed(() => ""))
    if (!hasEntry(listed)) continue
    return (yield* check(file)).note
  }
  return `types are not checked: ${named(config)} does not include ${named(entry)}`
})
