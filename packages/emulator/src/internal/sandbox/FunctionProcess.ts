/** The function's process: a program that speaks the Runtime API itself, or a handler file with a bundled bootstrap. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import NodeProcess from "node:process"
import { fileURLToPath } from "node:url"
import { EmulatorError, FileMissing, InvalidFunction } from "../../EmulatorError.ts"

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
       * A JavaScript or TypeScript module (run by the Node that runs the emulator), or a Python file (run by
       * `python3`). Its function takes the event and the context, as on Lambda.
       */
      readonly handler: string
      /** The name of the function in the file, default `handler`. */
      readonly export?: string
    }
)

/** The command to run, and the facts about it that its variables tell. */
export interface FunctionProcess {
  readonly command: readonly [string, ...ReadonlyArray<string>]
  readonly cwd: string
  /** `file.export` of a handler file, as in `_HANDLER`. */
  readonly handler: string | undefined
  /** The handler that a bundled bootstrap runs; `undefined` if the command is the author's own. */
  readonly bundled:
    | {
        /** Its runtime looks for libraries of layers. */
        readonly language: "node" | "python"
        readonly file: string
        readonly export: string
      }
    | undefined
}

/** The bootstraps lie beside `src` and `dist`, in the repository as in the published package. */
const bootstrap = (name: string): string => fileURLToPath(new URL(`../../../bootstrap/${name}`, import.meta.url))

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
    return { command: [path, ...args], cwd: cwd ?? NodePath.resolve("."), handler: undefined, bundled: undefined }
  }
  const file = NodePath.resolve(options.handler)
  if (!Fs.existsSync(file)) return yield* fail(new FileMissing({ path: file }))
  const name = options.export ?? "handler"
  const { dir, ext, name: stem } = NodePath.parse(file)
  const where = { cwd: cwd ?? dir, handler: `${stem}.${name}` }
  const bundled = { file, export: name }
  // The bootstrap gets no arguments: many wrappers put their own before the last one.
  if (nodeExtensions.has(ext)) {
    const command = [NodeProcess.execPath, bootstrap("node.mjs")] as const
    return { command, ...where, bundled: { language: "node", ...bundled } }
  }
  if (ext === ".py") {
    const command = ["python3", "-u", bootstrap("python.py")] as const
    return { command, ...where, bundled: { language: "python", ...bundled } }
  }
  return yield* fail(
    new InvalidFunction({
      explanation: `${file} is neither a JavaScript nor a Python file. Give a program that speaks the Runtime API as function.command.`
    })
  )
})

/**
 * The name of the managed runtime whose Node this is. The bootstrap of Python sets its own, since it knows its version.
 */
const nodeEnvironment = `AWS_Lambda_nodejs${NodeProcess.versions.node.split(".", 1).join("")}.x`

/**
 * Starts as the managed runtimes do; no text from outside becomes part of the script. The words are Lambda's, with the
 * remedy.
 */
const startWrapper = `
if [ ! -e "$1" ]; then
  echo "$1: does not exist. Correct AWS_LAMBDA_EXEC_WRAPPER, or add the layer that holds it." >&2
  exit 127
fi
if [ -d "$1" ] || [ ! -x "$1" ]; then
  echo "$1: is not executable. AWS_LAMBDA_EXEC_WRAPPER names it: set its x bit, or correct the variable." >&2
  exit 126
fi
exec "$@"`

/**
 * The command to start with these variables, and the variables it gets. As on Lambda, the wrapper that
 * `AWS_LAMBDA_EXEC_WRAPPER` names starts a managed runtime; a program of the author's starts without it. The shell runs
 * in the sandbox of the process, and so finds the wrapper there.
 */
export const withWrapper = (
  { bundled, command }: FunctionProcess,
  environment: Readonly<Record<string, string>>
): Pick<FunctionProcess, "command"> & { readonly environment: Readonly<Record<string, string>> } => {
  if (bundled === undefined) return { command, environment }
  const wrapper = environment["AWS_LAMBDA_EXEC_WRAPPER"] ?? ""
  return {
    command: wrapper === "" ? command : ["/bin/sh", "-c", startWrapper, "sh", wrapper, ...command],
    // The handler tells the bootstrap whether a wrapper has put another one before the function's.
    environment: {
      ...environment,
      ...(bundled.language === "node" && { AWS_EXECUTION_ENV: nodeEnvironment }),
      _EFFECT_LAMBDA_FUNCTION: JSON.stringify({ ...bundled, handler: environment["_HANDLER"] })
    }
  }
}
