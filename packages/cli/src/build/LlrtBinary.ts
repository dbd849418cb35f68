/** The binary of LLRT, where it comes from, and what keeps it from a layer; the bytecode that it makes of a bundle. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import process from "node:process"
import * as Elf from "../check/Elf.ts"
import * as FunctionRuntime from "../check/FunctionRuntime.ts"
import type { LayerFile } from "../layer/LayerFiles.ts"
import * as Llrt from "../layer/Llrt.ts"
import type { Architecture, LayerConfig } from "../project/LayerConfig.ts"
import * as Disk from "../shared/Disk.ts"
import { execute } from "../shared/Execute.ts"
import * as RegularFile from "../shared/RegularFile.ts"
import * as UserError from "../shared/UserError.ts"
import type { Bundle } from "./Bundle.ts"
import * as LlrtSyntax from "./LlrtSyntax.ts"
import * as NpmBinary from "./NpmBinary.ts"

/** A binary that can be part of a layer. */
export interface LlrtBinary {
  readonly path: string
  readonly arch: Architecture
  readonly bytes: Uint8Array
  readonly record: Llrt.LlrtRecord
}

const packageOf = (arch: string) => `@effect-lambda/llrt-linux-${arch}`

/** The record in the package.json of the package that the binary lies in, as `bin/llrt`. */
const recordNear = (path: string): Llrt.LlrtRecord | undefined => {
  try {
    const text = Fs.readFileSync(NodePath.join(NodePath.dirname(Fs.realpathSync(path)), "../package.json"), "utf8")
    return Llrt.decode(Reflect.get(Object(JSON.parse(text)), "llrt"))
  } catch {
    return undefined
  }
}

const read = (path: string) =>
  Effect.try({
    try: () => RegularFile.read(path),
    catch: (cause) => UserError.make(`the LLRT ${path} cannot be read: ${UserError.reasonOf(cause)}`)
  })

/** Says what keeps a program from being the LLRT of a layer. */
const problemOf = (bytes: Uint8Array, mode: number): string | undefined => {
  const elf = Elf.parse(bytes)
  if (elf === undefined) return "is no program of Linux (ELF)"
  if (elf.machine !== "x64" && elf.machine !== "arm64") return `is a program for another processor (${elf.machine})`
  if (elf.isCutOff) return Elf.cutOff
  const version = Llrt.versionOf(bytes)
  if (version === undefined) return "is a program, and no LLRT"
  if (version !== Llrt.version) return `is LLRT ${version}, and layers are built with ${Llrt.version}`
  if ((mode & 0o111) === 0) return "is not executable: chmod 755"
  if (elf.interpreter?.includes("musl") === true) return `is linked with musl: ${elf.interpreter} is in no function`
  const symbol = FunctionRuntime.lacks("al2023", elf)
  if (symbol === undefined) return undefined
  const { glibc, name } = FunctionRuntime.libraries.al2023
  return `needs ${symbol}, and ${name}, the newest system of Lambda, has glibc ${glibc}: it was built on a newer system`
}

const inspect = Effect.fnUntraced(function* (path: string) {
  const { bytes, mode } = yield* read(path)
  const problem = problemOf(bytes, mode)
  if (problem !== undefined) return yield* UserError.fail(`${path} ${problem}. ${advice}`)
  const arch = Elf.parse(bytes)?.machine === "arm64" ? "arm64" : "x64"
  const record = recordNear(path)
  const binary: LlrtBinary = {
    path,
    arch,
    bytes,
    // A record of another version is that of another binary.
    record: record?.version === Llrt.version ? record : { version: Llrt.version }
  }
  return binary
})

const advice = `npm run pack:llrt, in the repository of effect-lambda, builds LLRT ${Llrt.version} for Lambda`

const missing = (arch: string, named: ReadonlyArray<LlrtBinary>) =>
  UserError.fail(
    `there is no LLRT for ${arch}${named.map((binary) => `, ${binary.path} is for ${binary.arch}`).join("")}: name one by --llrt PATH or the variable EFFECT_LAMBDA_LLRT, or ` +
      (arch === process.arch
        ? `install the package ${packageOf(arch)} in the project. `
        : `unpack the package ${packageOf(arch)}, which npm does not install on this processor, and name its bin/llrt. `) +
      advice
  )

/** Finds the binaries for the architectures: those that the configuration names, otherwise those of the npm packages. */
const find = Effect.fnUntraced(function* (
  { llrt, project }: Pick<LayerConfig, "llrt" | "project">,
  arch: Architecture
) {
  const named = yield* Effect.forEach(llrt, inspect)
  const binary = named.find((binary) => binary.arch === arch)
  if (binary !== undefined) return binary
  const folder = NpmBinary.folderOf(packageOf(arch), project)
  return folder === undefined ? yield* missing(arch, named) : yield* inspect(NodePath.join(folder, "bin/llrt"))
})

/** Finds the binary for a layer. */
export const forLayer = Effect.fnUntraced(function* (
  config: Pick<LayerConfig, "llrt" | "project">,
  arch: Architecture
) {
  const binary = yield* find(config, arch)
  return binary.arch === arch
    ? binary
    : yield* UserError.fail(`${binary.path} is for ${binary.arch}, and the layer is for ${arch}. ${advice}`)
})

/** Finds the binary that compiles here, and that trial runs start. */
export const forThisMachine = (config: Pick<LayerConfig, "llrt" | "project">) => {
  const { arch, platform } = process
  return platform === "linux" && (arch === "x64" || arch === "arm64")
    ? forLayer(config, arch)
    : UserError.fail(
        `the runtime llrt is built on Linux, for x64 or arm64, and this machine is ${platform} ${arch}: build in a container`
      )
}

/**
 * Compiles a module into bytecode, which is the same for every architecture and has the same bytes each time. The name of
 * the file becomes part of it, so no folder may be part of that name.
 */
const compile = Effect.fnUntraced(function* ({ bytes, path }: LlrtBinary, name: string, code: string) {
  const folder = yield* Disk.temporaryFolder("effect-lambda-llrt-")
  yield* Disk.attempt(folder, () => Fs.writeFileSync(NodePath.join(folder, `${name}.mjs`), code))
  yield* execute(path, ["compile", `${name}.mjs`, `${name}.lrt`], {
    cwd: folder,
    // The user's environment may have settings of LLRT.
    env: {},
    timeoutMillis: 120_000
  }).pipe(
    Effect.mapError(({ message, output }) =>
      UserError.make(`${path} could not compile the program: ${output || message}`)
    )
  )
  return yield* Effect.try({
    try: () => Llrt.stripped(Llrt.unpacked(Fs.readFileSync(NodePath.join(folder, `${name}.lrt`)), bytes), code),
    catch: (cause) => UserError.make(`the bytecode of ${path} cannot be read: ${UserError.reasonOf(cause)}`)
  })
}, Effect.scoped)

const sources = NodePath.join(import.meta.dirname, "../../llrt")

/** The text that LLRT starts with. Each start parses it. */
const loader = Effect.promise(() => import("rolldown/utils")).pipe(
  Effect.map(({ minifySync }) => {
    const text = Fs.readFileSync(NodePath.join(sources, "loader.mjs"), "utf8")
    return minifySync("index.mjs", text, { module: true }).code
  })
)

/** What LLRT lacks, as one module. Every part has an effect. */
const prelude = Effect.promise(() =>
  import("rolldown")
    .then(({ rolldown }) => rolldown({ input: NodePath.join(sources, "prelude/index.mjs"), treeshake: false }))
    .then((bundle) => bundle.generate({ format: "esm", minify: true }).finally(() => bundle.close()))
    .then(({ output }) => output[0].code)
)

/** The files of the program, which are the same for every architecture. */
export const programFiles = Effect.fnUntraced(function* (name: string, binary: LlrtBinary, bundle: Bundle) {
  const program = compile(binary, "bundle", bundle.code).pipe(
    Effect.catch((error) =>
      LlrtSyntax.explain(binary.path, error.message, bundle).pipe(
        Effect.flatMap((text) => (text === undefined ? Effect.fail(error) : UserError.fail(text)))
      )
    )
  )
  const files: ReadonlyArray<LayerFile> = [
    { path: `${name}/index.mjs`, mode: 0o644, bytes: Buffer.from(yield* loader) },
    { path: `${name}/prelude.lrt`, mode: 0o644, bytes: yield* compile(binary, "prelude", yield* prelude) },
    { path: `${name}/bundle.lrt`, mode: 0o644, bytes: yield* program }
  ]
  return files
})

/** The binary in a layer, and what `check` has to know of it. */
export const binaryFiles = (name: string, { bytes, record }: LlrtBinary): ReadonlyArray<LayerFile> => [
  { path: Llrt.binaryOf(name), mode: 0o755, bytes },
  { path: Llrt.pathOf(name), mode: 0o644, bytes: Buffer.from(`${JSON.stringify(record)}\n`) }
]
