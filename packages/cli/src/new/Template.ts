/** The project that `effect-lambda new` writes: the files of `templates/`, under the name of the extension. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import cli from "../../package.json" with { type: "json" }
import * as LayerConfig from "../project/LayerConfig.ts"
import { execute } from "../shared/Execute.ts"
import * as UserError from "../shared/UserError.ts"

interface File {
  /** The path in the project, with `/`. */
  readonly path: string
  readonly text: string
}

interface Manifest {
  readonly scripts: Record<string, string>
  readonly dependencies: Record<string, string>
  readonly devDependencies: Record<string, string>
  readonly optionalDependencies: Record<string, string>
  readonly effectLambda: Record<string, unknown>
  overrides?: Record<string, string>
}

/** The extensions that a project may begin with. */
export type Kind = "hello" | "otel" | "telemetry"

/** The packages of this repository that a project needs, directly or through another package. */
const packagesOf = (kind: Kind): ReadonlyArray<string> => [
  "cli",
  "emulator",
  "extension",
  "extension-node",
  ...(kind === "otel" ? ["otel"] : [])
]

const templates = NodePath.join(import.meta.dirname, "../../templates")

/** Says whether the registry has the packages of this version. */
export const isPublished = cli.version !== "0.0.0"

/** The command that makes the tarballs for `--from`, in the repository of effect-lambda. */
export const packCommand = (directory: string): string =>
  `npm run pnpm -- -r --filter '@effect-lambda/*' pack --pack-destination ${directory}`

/** The name of the extension in the templates. */
const placeholder = "my-extension"

const read = (template: string, name: string): ReadonlyArray<File> => {
  const directory = NodePath.join(templates, template)
  return Fs.readdirSync(directory, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    if (!entry.isFile()) return []
    const file = NodePath.join(entry.parentPath, entry.name)
    // A tarball would not hold a file called .gitignore.
    const path = NodePath.relative(directory, file).replace(/^gitignore$/, ".gitignore")
    return [{ path, text: Fs.readFileSync(file, "utf8").replaceAll(placeholder, name) }]
  })
}

/** Joins the files that two templates have, such as README.md: the text of the second follows that of the first. */
const joined = (files: ReadonlyArray<File>): ReadonlyArray<File> => {
  const texts = new Map<string, string>()
  for (const { path, text } of files) texts.set(path, (texts.get(path) ?? "") + text)
  return Array.from(texts, ([path, text]) => ({ path, text }))
}

const isManifest = ({ path }: File) => path === "package.json"

const textOf = (files: ReadonlyArray<File>) => files.find(isManifest)?.text ?? "{}"

/** The manifest that all projects have, with what the template of this one adds to it. */
const manifestOf = (common: string, own: string): Manifest => {
  const base: Manifest = JSON.parse(common)
  const more: Partial<Manifest> = JSON.parse(own)
  return {
    ...base,
    scripts: { ...base.scripts, ...more.scripts },
    dependencies: { ...base.dependencies, ...more.dependencies },
    effectLambda: { ...base.effectLambda, ...more.effectLambda }
  }
}

/**
 * Says whether a tarball holds the built package. Packed without a build it has only sources, which Node does not run below
 * node_modules.
 */
const isBuilt = (file: string) =>
  execute("tar", ["-tzf", file], { timeoutMillis: 60_000 }).pipe(
    Effect.map((names) => /^package\/dist\//m.test(names)),
    Effect.orElseSucceed(() => false)
  )

/** Gives the specifier of each package: a version in the registry, or a tarball. */
const specifiers = Effect.fnUntraced(function* (packages: ReadonlyArray<string>, from: string | undefined) {
  if (from === undefined) return new Map(packages.map((name) => [name, cli.version]))
  const directory = NodePath.resolve(from)
  const files = new Map(
    packages.map((name) => [name, NodePath.join(directory, `effect-lambda-${name}-${cli.version}.tgz`)])
  )
  const missing = [...files.values()].filter((file) => !Fs.existsSync(file)).map((file) => NodePath.basename(file))
  if (missing.length > 0) {
    return yield* UserError.fail(
      `--from ${from} has no ${missing.join(", no ")}; in the repository of effect-lambda, ` +
        `\`${packCommand(directory)}\` makes them`
    )
  }
  const unbuilt = (yield* Effect.filter([...files.values()], (file) =>
    Effect.map(isBuilt(file), (built) => !built)
  )).map((file) => NodePath.basename(file))
  if (unbuilt.length > 0) {
    return yield* UserError.fail(
      `${unbuilt.join(", ")} in --from ${from} cannot be read or has no dist: it was packed before it was built. In the ` +
        `repository of effect-lambda, \`${packCommand(directory)}\` builds and packs.`
    )
  }
  return new Map([...files].map(([name, file]) => [name, `file:${file}`]))
})

/** The packages with LLRT among the tarballs; without tarballs there are none, since the registry has none. */
const llrtIn = (from: string | undefined): ReadonlyArray<readonly [name: string, specifier: string]> => {
  if (from === undefined) return []
  const directory = NodePath.resolve(from)
  return Fs.readdirSync(directory)
    .toSorted()
    .flatMap((file) => {
      const name = /^effect-lambda-(llrt-linux-(?:x64|arm64))-.*\.tgz$/.exec(file)?.[1]
      return name === undefined ? [] : [[`@effect-lambda/${name}`, `file:${NodePath.join(directory, file)}`] as const]
    })
}

/** Changes a manifest to another runtime, whose layer is built for one processor by default. */
const useRuntime = (manifest: Manifest, runtime: LayerConfig.LayerConfig["runtime"], from: string | undefined) => {
  manifest.effectLambda["runtime"] = runtime
  if (runtime === "managed") return
  for (const [name, script] of Object.entries(manifest.scripts)) {
    manifest.scripts[name] = script.replace(/(?<=dist\/\S+-)x64\b/, LayerConfig.ownArchitecture ?? "x64")
  }
  if (runtime === "llrt") Object.assign(manifest.optionalDependencies, Object.fromEntries(llrtIn(from)))
}

/** Renders a project, file by file. With `from` its packages, and the packages of those, are tarballs of that folder. */
export const render = Effect.fnUntraced(function* (options: {
  readonly name: string
  readonly kind: Kind
  readonly from: string | undefined
  /** Default: `managed`. */
  readonly runtime?: LayerConfig.LayerConfig["runtime"]
}) {
  const { from, kind, name, runtime = "managed" } = options
  // The rule of npm comes first, then that of a layer.
  const rule = /^[a-z0-9][a-z0-9._-]{0,99}$/.test(name)
    ? LayerConfig.nameRule(name)
    : "lower-case letters, digits, and . _ - behind the first of them, 100 at most, as npm wants it"
  if (rule !== undefined) {
    return yield* UserError.fail(`${JSON.stringify(name)} cannot be the name of an extension; it has to be ${rule}`)
  }
  const versions = yield* specifiers(packagesOf(kind), from)
  const common = read("common", name)
  const own = read(kind, name)
  const manifest = manifestOf(textOf(common), textOf(own))
  for (const dependencies of [manifest.dependencies, manifest.devDependencies, manifest.optionalDependencies]) {
    if (name in dependencies) {
      return yield* UserError.fail(`the project depends on the npm package ${name}, so it cannot have that name itself`)
    }
    for (const [scoped, version] of versions) {
      if (`@effect-lambda/${scoped}` in dependencies) dependencies[`@effect-lambda/${scoped}`] = version
    }
  }
  if (from !== undefined) {
    manifest.overrides = Object.fromEntries(
      Array.from(versions, ([scoped, file]) => [`@effect-lambda/${scoped}`, file])
    )
  }
  useRuntime(manifest, runtime, from)
  const written: File = { path: "package.json", text: `${JSON.stringify(manifest, undefined, 2)}\n` }
  return joined([...common, ...own]).map((file) => (isManifest(file) ? written : file))
})

/** Writes all files or none, into a folder that is empty or does not exist. */
export const write = Effect.fnUntraced(function* (directory: string, files: ReadonlyArray<File>) {
  const stat = Fs.statSync(directory, { throwIfNoEntry: false })
  if (stat !== undefined && !stat.isDirectory())
    return yield* UserError.fail(`${directory} is a file; --dir takes a new folder`)
  if (stat !== undefined && Fs.readdirSync(directory).length > 0) {
    return yield* UserError.fail(
      `the folder ${directory} is not empty, and nothing is overwritten; --dir takes another one`
    )
  }
  const topLevel = new Set(files.map(({ path }) => path.split(NodePath.sep)[0] ?? path))
  yield* Effect.try({
    try: () => {
      // With `recursive` Node would try for ever below /proc.
      if (stat === undefined) Fs.mkdirSync(directory)
      try {
        for (const { path, text } of files) {
          const file = NodePath.join(directory, path)
          Fs.mkdirSync(NodePath.dirname(file), { recursive: true })
          Fs.writeFileSync(file, text, { flag: "wx" })
        }
      } catch (error) {
        for (const name of topLevel) Fs.rmSync(NodePath.join(directory, name), { recursive: true, force: true })
        if (stat === undefined) Fs.rmdirSync(directory)
        throw error
      }
    },
    catch: (error) => UserError.make(`the project cannot be written: ${UserError.reasonOf(error)}`)
  })
})
