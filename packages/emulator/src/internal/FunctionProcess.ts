/** The function's process: a program that speaks the Runtime API itself, or a handler file with a bundled bootstrap. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import NodeProcess from "node:process"
import { fileURLToPath } from "node:url"
import { EmulatorError, FileMissing, InvalidFunction } from "../EmulatorError.ts"

/**
 * The function's process: a `command` that is a client of the Runtime API (a bootstrap in any language), or a file with
 * a `handler`, which a bundled bootstrap loads.
 *
 * @category models
 * @since 0.1.0
 */
export type FunctionOptions = {
  /** Working directory, also `LAMBDA_TASK_ROOT`. Default: the current directory; of a handler: the one of its file. */
  readonly cwd?: string
  /** Variables for the function alone; none that Lambda sets itself, and neither region nor credentials. */
  readonly environment?: Readonly<Record<string, string>>
} & (
  | {
      /** The file to run and its arguments; a name without a slash is looked up in PATH. */
      readonly command: readonly [string, ...ReadonlyArray<string>]
    }
  | {
      /**
       * A JavaScript or TypeScript module (run by the Node that runs the emulator), or a Python file (run by `python3`).
       * Its function takes the event and the context, as on Lambda.
       */
      readonly handler: string
      /** The name of the function in the file, default `handler`. */
      readonly export?: string
    }
)

/** What to run, and what its environment says about it. */
export interface FunctionProcess {
  readonly command: readonly [string, ...ReadonlyArray<string>]
  readonly cwd: string
  /** `file.export` of a handler file, as in `_HANDLER`. */
  readonly handler: string | undefined
  /** Of a handler file: its runtime looks for libraries in layers. */
  readonly language?: "node" | "python"
}

/** The bootstraps lie beside `src` and `dist`, in the repository as in the published package. */
const bootstrap = (name: string): string => fileURLToPath(new URL(`../../bootstrap/${name}`, import.meta.url))

const nodeExtensions = new Set([".mjs", ".cjs", ".js", ".mts", ".cts", ".ts"])

const fail = (reason: FileMissing | InvalidFunction) =>
  Effect.fail(new EmulatorError({ method: "Emulator.layer", reason }))

export const resolve = Effect.fnUntraced(function* (
  options: FunctionOptions
): Effect.fn.Return<FunctionProcess, EmulatorError> {
  const cwd = options.cwd === undefined ? undefined : NodePath.resolve(options.cwd)
  // A missing working directory would come out of spawn as a missing program.
  if (cwd !== undefined && !Fs.existsSync(cwd)) {
    return yield* fail(new InvalidFunction({ explanation: `The function's cwd ${cwd} does not exist. Correct it.` }))
  }
  if ("command" in options) {
    const [file, ...args] = options.command
    const path = file.includes("/") ? NodePath.resolve(cwd ?? ".", file) : file
    if (file.includes("/") && !Fs.existsSync(path)) return yield* fail(new FileMissing({ path }))
    return { command: [path, ...args], cwd: cwd ?? NodePath.resolve("."), handler: undefined }
  }
  const file = NodePath.resolve(options.handler)
  if (!Fs.existsSync(file)) return yield* fail(new FileMissing({ path: file }))
  const name = options.export ?? "handler"
  const { dir, ext, name: stem } = NodePath.parse(file)
  const where = { cwd: cwd ?? dir, handler: `${stem}.${name}` }
  if (nodeExtensions.has(ext)) {
    return { command: [NodeProcess.execPath, bootstrap("node.mjs"), file, name], ...where, language: "node" }
  }
  if (ext === ".py") {
    return { command: ["python3", "-u", bootstrap("python.py"), file, name], ...where, language: "python" }
  }
  return yield* fail(
    new InvalidFunction({
      explanation: `${file} is neither a JavaScript nor a Python file. Give a program that speaks the Runtime API as function.command.`
    })
  )
})
