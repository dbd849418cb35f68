/** The way from a registry to an extension that can be tried: one file for each in recipes/. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import { createRequire } from "node:module"
import * as Path from "node:path"
import * as Execute from "../../src/shared/Execute.ts"

/** The extension is not on this machine, and cannot be made here; the others are played without it. */
export class Missing extends Schema.TaggedError<Missing>()("Missing", { message: Schema.String }) {}

export interface Recipe {
  /** The name in commands and in the table. */
  readonly name: string
  readonly product: string
  readonly version: string
  /** A page with the package. */
  readonly page: string
  readonly registry: "npm" | "crates.io" | "PyPI"
  /** The work that its documents promise, and the files that were taken. */
  readonly promise: string
  /** The settings of the extension that were used, and how the sink comes in. */
  readonly settings: string
  /** Makes the layer in this folder, which is kept between runs, and gives its path. */
  readonly prepare: (folder: string) => Effect.Effect<string, Missing>
  /** The arguments of `effect-lambda conform` behind the layer. */
  readonly args: ReadonlyArray<string>
  /**
   * The scenarios in which a `fail` was looked at by hand, each with the reason that makes it one of the extension. No
   * other `fail` is published.
   */
  readonly confirmed: Readonly<Record<string, string>>
}

/** A function for `--function`, relative to the repository. */
export const functionFile = (name: string): string => `packages/cli/test/field/functions/${name}`

/** The folder of a package of npm that this package depends on, if it has this version. */
export const ofNpm = (name: string, version: string): Effect.Effect<string, Missing> =>
  Effect.try({
    try: () => {
      const file = createRequire(import.meta.url).resolve(`${name}/package.json`)
      const found: unknown = JSON.parse(Fs.readFileSync(file, "utf8"))
      const actual = typeof found === "object" && found !== null && "version" in found ? found.version : undefined
      if (actual !== version) throw new Error(`version ${actual} is installed; change its recipe, and look at it again`)
      return Path.dirname(file)
    },
    catch: (cause) =>
      new Missing({ message: `${name} ${version}: ${cause instanceof Error ? cause.message : String(cause)}` })
  })

/** Runs a tool of this machine. */
export const tool = (file: string, args: ReadonlyArray<string>, cwd: string): Effect.Effect<string, Missing> =>
  Effect.mapError(
    Execute.execute(file, args, { cwd, timeoutMillis: 30 * 60_000 }),
    ({ message, output }) => new Missing({ message: `${message}${output === "" ? "" : `: ${output.slice(-300)}`}` })
  )

/** Lays out a layer with one extension. */
export const layerOf = (folder: string, program: string): string => {
  const layer = Path.join(folder, "layer")
  Fs.rmSync(layer, { recursive: true, force: true })
  Fs.mkdirSync(Path.join(layer, "extensions"), { recursive: true })
  const file = Path.join(layer, "extensions", Path.basename(program))
  Fs.copyFileSync(program, file)
  Fs.chmodSync(file, 0o755)
  return layer
}
