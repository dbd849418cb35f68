/** The configuration of a layer: `effectLambda` in the package.json of the extension, and flags over it. */
import * as Variables from "@effect-lambda/emulator/Variables"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import process from "node:process"
import { minimumNode } from "../layer/LayerLimits.ts"
import * as UserError from "../shared/UserError.ts"
import * as FunctionVariables from "./FunctionVariables.ts"

export const architectures = ["x64", "arm64"] as const
export type Architecture = (typeof architectures)[number]

export const runtimes = ["managed", "node", "auto", "bun", "llrt"] as const
export const entryKinds = ["bash", "node"] as const
export const starts = ["eager", "ready"] as const
export const codeCaches = ["auto", "off"] as const
export const archChoices = [...architectures, "both"] as const

/** Folders in /opt that mean something to Lambda's runtimes. */
const reserved = new Set(["extensions", "bin", "lib", "nodejs", "python", "java", "ruby"])

/** Says what the name of an extension has to be, if this name is not that. */
export const nameRule = (name: string): string | undefined => {
  if (reserved.has(name)) return `another name: /opt/${name} means something to Lambda`
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(name)
    ? undefined
    : "the name of a file: letters, digits, and . _ - behind the first of them, 128 at most"
}

const isOldNode = (version: string): boolean => version.localeCompare(minimumNode, "en", { numeric: true }) < 0

const nodeVersionRule = (version: string): string | undefined => {
  if (!/^\d+\.\d+\.\d+$/.test(version)) return "a full version of Node, such as 24.21.0"
  return isOldNode(version) ? `Node ${minimumNode} or newer` : undefined
}

/** Says what a path in /opt has to be, if this path is not that. */
const layerPathRule = (path: string): string | undefined => {
  if (NodePath.posix.normalize(path) !== path || /^(?:\/|\.\.?(?:\/|$))|\/$|\\|\0/.test(path)) {
    return "a path below /opt, such as my-wrapper or python/my_module.py"
  }
  return /^extensions(?:\/|$)/.test(path) ? "outside of extensions/: Lambda starts every file there" : undefined
}

const variableNameRule = (name: string): string | undefined =>
  /^[A-Za-z][A-Za-z0-9_]+$/.test(name) ? undefined : "the name of a variable of Lambda: letters, digits and _"

/** A value to show, or the name of the secret in Secrets Manager that holds the value. */
const Variable = Schema.Union([
  Schema.NonEmptyString,
  Schema.Struct({
    secret: Schema.String.check(
      Schema.makeFilter((name) =>
        /^[\w/+=.@-]+$/.test(name) ? undefined : "the name of a secret: letters, digits and /_+=.@-"
      )
    )
  })
])

/**
 * A variable of the function that a snippet shows.
 *
 * @category models
 * @since 0.1.0
 */
export type Variable = typeof Variable.Type

const Settings = Schema.Struct({
  name: Schema.optionalKey(Schema.String.check(Schema.makeFilter(nameRule))),
  entry: Schema.optionalKey(Schema.NonEmptyString),
  events: Schema.optionalKey(Schema.Array(Schema.Literals(["INVOKE", "SHUTDOWN"]))),
  runtime: Schema.optionalKey(Schema.Literals(runtimes)),
  arch: Schema.optionalKey(Schema.Literals(archChoices)),
  entryKind: Schema.optionalKey(Schema.Literals(entryKinds)),
  start: Schema.optionalKey(Schema.Literals(starts)),
  startAnyway: Schema.optionalKey(Schema.Boolean),
  codeCache: Schema.optionalKey(Schema.Literals(codeCaches)),
  node: Schema.optionalKey(Schema.Array(Schema.String.check(Schema.makeFilter(nodeVersionRule)))),
  env: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  files: Schema.optionalKey(
    Schema.Record(Schema.String, Schema.NonEmptyString).check(
      Schema.makeFilter((files) =>
        Object.keys(files)
          .map(layerPathRule)
          .find((rule) => rule !== undefined)
      )
    )
  ),
  variables: Schema.optionalKey(
    Schema.Record(Schema.String, Variable).check(
      Schema.makeFilter((variables) =>
        Object.keys(variables)
          .map(variableNameRule)
          .find((rule) => rule !== undefined)
      )
    )
  ),
  llrt: Schema.optionalKey(Schema.Union([Schema.NonEmptyString, Schema.Array(Schema.NonEmptyString)])),
  out: Schema.optionalKey(Schema.NonEmptyString)
})

/**
 * The settings that package.json and flags may have.
 *
 * @category models
 * @since 0.1.0
 */
export type Settings = typeof Settings.Type

/**
 * The configuration of a build. Paths are absolute.
 *
 * @category models
 * @since 0.1.0
 */
export interface LayerConfig {
  /** The folder of package.json; without that file the folder in which the search for it began. */
  readonly project: string
  readonly name: string
  readonly entry: string
  /** If they are given, the program has to register for exactly these events. */
  readonly events: Settings["events"]
  readonly runtime: (typeof runtimes)[number]
  readonly architectures: ReadonlyArray<Architecture>
  readonly entryKind: (typeof entryKinds)[number]
  /** `eager`: the entry sends the first next; `ready`: the program sends it when it has come up. */
  readonly start: (typeof starts)[number]
  /** Whether `eager` is built for a program too that the function may rely on in its init. */
  readonly startAnyway: boolean
  readonly codeCache: (typeof codeCaches)[number]
  /** Versions of Node beside the running one that get a code cache. */
  readonly nodeVersions: ReadonlyArray<string>
  /** Variables of the function for the trial run. */
  readonly env: Readonly<Record<string, string>>
  /** Files of the project for the layer, with their paths in /opt. */
  readonly files: ReadonlyArray<{ readonly path: string; readonly source: string }>
  /** Variables that the function needs, for snippets. */
  readonly variables: Readonly<Record<string, Variable>>
  /** Binaries of LLRT, one for each architecture; empty: those of the npm packages. */
  readonly llrt: ReadonlyArray<string>
  readonly out: string
}

const decode = Schema.decodeUnknownResult(Settings, { errors: "all", onExcessProperty: "error" })
const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()
const keys = Object.keys(Settings.fields)

const pathText = (path: ReadonlyArray<PropertyKey>): string =>
  path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("")

/** The settings, or a line for each mistake, with its place, the allowed value and the value there. */
const decodeSettings = (input: unknown, place: (path: ReadonlyArray<PropertyKey>) => string) =>
  Result.mapError(decode(input), ({ issue }) =>
    issuesOf(issue)
      .issues.map(({ message, path = [] }) => {
        const names = path.map((part) => (typeof part === "object" ? part.key : part))
        const [first] = names
        if (names.length === 1 && !keys.includes(String(first))) {
          return `${place(names)} is not known; the keys are ${keys.join(", ")}`
        }
        const value = names.reduce<unknown>((inside, key) => Reflect.get(Object(inside), key), input)
        return `${place(names)} is ${JSON.stringify(value)}; it has to be ${message.replace(/^Expected /, "").replaceAll(" | ", " or ")}`
      })
      .join("\n")
  )

const settingsIn = (file: string | undefined, manifest: unknown) =>
  decodeSettings(
    Reflect.get(Object(manifest), "effectLambda") ?? {},
    (names) => `${file}: effectLambda${pathText(names)}`
  )

const listOf = (paths: Settings["llrt"]): ReadonlyArray<string> => (typeof paths === "string" ? [paths] : (paths ?? []))

/** The binaries that the flag names, or else the variable, or else package.json. */
const llrtOf = Effect.fnUntraced(function* (project: string, flagged: Settings, written: Settings) {
  const variable = yield* Effect.orDie(Config.String("EFFECT_LAMBDA_LLRT").pipe(Config.withDefault("")))
  const named =
    flagged.llrt === undefined ? variable.split(NodePath.delimiter).filter((path) => path !== "") : listOf(flagged.llrt)
  return named.length > 0
    ? named.map((path) => NodePath.resolve(path))
    : listOf(written.llrt).map((path) => NodePath.resolve(project, path))
})

/** Fails if no process can have one of the variables, or if Lambda sets it itself. */
export const checkVariables = (env: Readonly<Record<string, string>>) => {
  const problem = Variables.problemOf(env)
  return problem === undefined ? Effect.void : UserError.fail(FunctionVariables.explain(problem))
}

const packageName = Schema.decodeUnknownResult(Schema.Struct({ name: Schema.String }))

const findUpwards = (folder: string, name: string): string | undefined => {
  const file = NodePath.join(folder, name)
  if (Fs.existsSync(file)) return file
  const parent = NodePath.dirname(folder)
  return parent === folder ? undefined : findUpwards(parent, name)
}

/** A file of the project. A package may lie in `node_modules` of a folder above, as in a workspace. */
const sourceIn = (project: string, source: string): string =>
  (source.startsWith("node_modules/") ? findUpwards(project, source) : undefined) ?? NodePath.resolve(project, source)

const readPackage = (file: string) =>
  Effect.try({
    try: (): unknown => JSON.parse(Fs.readFileSync(file, "utf8").replace(/^\uFEFF/, "")),
    catch: (cause) => UserError.make(`${file} cannot be read: ${UserError.reasonOf(cause)}`)
  })

const isDirectory = (path: string): boolean => Fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

const entryNames = ["src/main.ts", "src/index.ts", "src/main.js", "src/index.js"]

/** The processor of this machine, if layers can be for it. */
export const ownArchitecture = architectures.find((arch) => arch === process.arch)

const architecturesOf = ({ arch, runtime = "managed" }: Settings): ReadonlyArray<Architecture> => {
  if (arch === undefined)
    return runtime === "managed" || ownArchitecture === undefined ? architectures : [ownArchitecture]
  return arch === "both" ? architectures : [arch]
}

/**
 * Resolves the configuration from an entry file or a folder (default: the current one), the package.json at or above it,
 * and flags. Paths in flags count from the current folder.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = Effect.fnUntraced(function* (
  target: string | undefined,
  flags: { readonly [key: string]: unknown }
) {
  const path = NodePath.resolve(target ?? ".")
  const isFolder = isDirectory(path)
  if (!isFolder && !Fs.existsSync(path)) return yield* UserError.fail(`the entry ${path} does not exist`)
  const folder = isFolder ? path : NodePath.dirname(path)
  const file = findUpwards(folder, "package.json")
  const manifest = file === undefined ? {} : yield* readPackage(file)
  const project = file === undefined ? folder : NodePath.dirname(file)

  const written = settingsIn(file, manifest)
  const flagged = decodeSettings(flags, ([first, ...rest]) => `--${String(first)}${pathText(rest)}`)
  const mistakes = [written, flagged].filter(Result.isFailure).map(({ failure }) => failure)
  if (mistakes.length > 0 || Result.isFailure(written) || Result.isFailure(flagged)) {
    return yield* UserError.fail(mistakes.join("\n"))
  }
  const settings = { ...written.success, ...flagged.success }

  const name = settings.name ?? (yield* defaultName(file, manifest))
  const out =
    flagged.success.out === undefined
      ? NodePath.resolve(project, written.success.out ?? "dist")
      : NodePath.resolve(flagged.success.out)
  const entry = isFolder ? yield* entryIn(project, file, settings.entry) : path
  const config: LayerConfig = {
    project,
    name,
    entry,
    events: settings.events,
    runtime: settings.runtime ?? "managed",
    architectures: architecturesOf(settings),
    entryKind: settings.entryKind ?? "bash",
    start: settings.start ?? "ready",
    startAnyway: settings.startAnyway ?? false,
    codeCache: settings.codeCache ?? "auto",
    nodeVersions: settings.node ?? [],
    env: { ...written.success.env, ...flagged.success.env },
    files: Object.entries(settings.files ?? {}).map(([path, source]) => ({
      path,
      source: sourceIn(project, source)
    })),
    variables: settings.variables ?? {},
    llrt: yield* llrtOf(project, flagged.success, written.success),
    out
  }
  yield* checkVariables(config.env)
  yield* checkVariables(Object.fromEntries(Object.keys(config.variables).map((name) => [name, ""])))
  const taken = config.files.find(({ path }) => path.split("/", 1)[0] === name)
  if (taken !== undefined) {
    return yield* UserError.fail(
      `${file}: effectLambda.files has ${JSON.stringify(taken.path)}, and ${name}/ holds the program: choose another path`
    )
  }
  if (config.entryKind === "node" && config.runtime !== "managed" && config.runtime !== "node") {
    return yield* UserError.fail(
      `the entry of kind node starts one certain Node: it works with the runtimes managed and node, not with ${config.runtime}`
    )
  }
  const { startAnyway } = flagged.success
  if (config.startAnyway && config.start === "ready" && (startAnyway === true || flagged.success.start === undefined)) {
    return yield* UserError.fail(
      "startAnyway says something about start eager only: give --start eager too, or leave it out"
    )
  }
  if (config.start === "eager" && config.entryKind === "node") {
    return yield* UserError.fail(
      "start eager needs the entry of kind bash, which sends the first next: leave out --entry node, or build with --start ready"
    )
  }
  const isLlrtNamed = flagged.success.llrt !== undefined
  if (
    config.runtime !== "llrt" &&
    (isLlrtNamed || (settings.llrt !== undefined && flagged.success.runtime === undefined))
  ) {
    return yield* UserError.fail(
      `llrt names the binary of the runtime llrt, and the runtime is ${config.runtime}: choose that runtime too, or leave llrt out`
    )
  }
  if (config.start === "eager" && config.runtime === "bun") {
    return yield* UserError.fail(
      `start eager does not work with the runtime bun, which cannot take over a connection: build with --start ready`
    )
  }
  return config
})

/**
 * The variables that the projects of these layers want for their runs. They come from each package.json at or above a path
 * that has `effectLambda`, or else from the one at or above the current folder.
 */
export const environmentNear = Effect.fnUntraced(function* (paths: ReadonlyArray<string>) {
  const read = Effect.fnUntraced(function* (files: ReadonlySet<string | undefined>) {
    const found: Array<NonNullable<Settings["env"]>> = []
    for (const file of files) {
      if (file === undefined) continue
      const manifest = yield* readPackage(file)
      if (Reflect.get(Object(manifest), "effectLambda") === undefined) continue
      const settings = settingsIn(file, manifest)
      if (Result.isFailure(settings)) return yield* UserError.fail(settings.failure)
      found.push(settings.success.env ?? {})
    }
    return found
  })
  const ofLayers = yield* read(new Set(paths.map((path) => findUpwards(NodePath.resolve(path), "package.json"))))
  const found = ofLayers.length > 0 ? ofLayers : yield* read(new Set([findUpwards(process.cwd(), "package.json")]))
  const merged: Record<string, string> = Object.assign({}, ...found)
  return merged
})

/** The name of the package without its scope. */
const defaultName = Effect.fnUntraced(function* (file: string | undefined, manifest: unknown) {
  const named = packageName(manifest)
  if (file === undefined || Result.isFailure(named)) {
    const where = file === undefined ? "there is no package.json" : `${file} has no name`
    return yield* UserError.fail(`the extension needs a name, and ${where}: give --name NAME`)
  }
  const name = named.success.name.replace(/^@[^/]*\//, "")
  const problem = nameRule(name)
  if (problem === undefined) return name
  return yield* UserError.fail(
    `${file}: the name ${JSON.stringify(name)} cannot be that of an extension; it has to be ${problem}. ` +
      "Give another one: effectLambda.name there, or --name NAME"
  )
})

const entryIn = Effect.fnUntraced(function* (project: string, file: string | undefined, entry: string | undefined) {
  if (entry === undefined) {
    const found = entryNames.find((name) => Fs.existsSync(NodePath.join(project, name)))
    if (found !== undefined) return NodePath.join(project, found)
    return yield* UserError.fail(
      `there is no entry in ${project}: looked for ${entryNames.join(", ")}. ` +
        "Name it: effect-lambda build FILE, or effectLambda.entry in package.json"
    )
  }
  const path = NodePath.resolve(project, entry)
  if (Fs.existsSync(path) && !isDirectory(path)) return path
  return yield* UserError.fail(`${file}: effectLambda.entry names ${path}, and there is no such file`)
})
