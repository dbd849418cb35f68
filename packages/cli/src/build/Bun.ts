/** Runtime `bun`: the bundle and bun itself in one executable file, `<name>/bin/<name>`. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import process from "node:process"
import * as Disk from "../shared/Disk.ts"
import { execute } from "../shared/Execute.ts"
import * as UserError from "../shared/UserError.ts"
import * as NpmBinary from "./NpmBinary.ts"

/** The version of bun that is taken from the registry; another version compiles and starts differently. */
export const version = "1.4.5"

export interface Options {
  /** The name of the extension. */
  readonly name: string
  /** The bundled program, CommonJS, made with the condition `bun`. */
  readonly bundle: string
  /** The system: `linux`, or this system for a trial run. */
  readonly platform: string
  readonly arch: string
  /** The folder of the extension's package.json; bun may be among its dependencies. */
  readonly project: string
}

const find = (platform: string, arch: string, project: string) => {
  const packageName = `@oven/bun-${platform}-${arch === "arm64" ? "aarch64" : arch}`
  return NpmBinary.find({ packageName, version, file: "bin/bun" }, project).pipe(
    Effect.mapError(({ message, output }) =>
      UserError.make(
        `bun ${version} for ${platform} ${arch} was neither found nor downloaded: ${message}\n${output}\n` +
          `Install the package ${packageName}@${version} in the project, or build with another --runtime`
      )
    )
  )
}

/**
 * Compiles a bundle on this machine for either architecture. The same bundle gives the same bytes.
 *
 * The program gets nothing from files of the function: bun looks for neither `.env` nor `bunfig.toml` at its start.
 */
export const compile = Effect.fnUntraced(function* ({ arch, bundle, name, platform, project }: Options) {
  const bun = yield* find(process.platform, process.arch, project)
  const target = yield* find(platform, arch, project)
  const folder = yield* Disk.temporaryFolder("effect-lambda-bun-")
  const flags = [
    // The start takes three times as long without bytecode.
    "--bytecode",
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    `--target=bun-${platform}-${arch}`,
    // Otherwise bun downloads the executable by itself, unchecked.
    `--compile-executable-path=${target}`,
    // Becomes the name that a program without a stub registers with.
    `--outfile=${name}`
  ]
  const file = NodePath.join(folder, "bundle.cjs")
  yield* Disk.attempt(file, () => Fs.writeFileSync(file, bundle))
  // `env -i` keeps out the user's environment and home directory.
  const args = ["-i", `HOME=${folder}`, bun, "build", "--compile", ...flags, "bundle.cjs"]
  yield* execute("env", args, { cwd: folder, timeoutMillis: 120_000 }).pipe(
    Effect.mapError(({ message, output }) =>
      UserError.make(`bun ${version} could not compile ${name} for ${platform} ${arch}: ${output || message}`)
    )
  )
  return new Uint8Array(Fs.readFileSync(NodePath.join(folder, name)))
}, Effect.scoped)
