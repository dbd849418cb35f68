/** Runs programs of this machine for a build, without a shell and each with a time limit. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { execFile } from "node:child_process"

/** The program could not be started, ran too long, or ended with an exit code; `output` is what it printed. */
export class ExecuteError extends Schema.TaggedError<ExecuteError>("@effect-lambda/cli/ExecuteError")("ExecuteError", {
  message: Schema.String,
  output: Schema.String
}) {}

/** Runs a program, and gives what it wrote to stdout. */
export const execute = (
  file: string,
  args: ReadonlyArray<string>,
  options: {
    readonly cwd?: string
    /** Default: the environment of this process. */
    readonly env?: Readonly<Record<string, string>>
    readonly timeoutMillis: number
  }
): Effect.Effect<string, ExecuteError> =>
  Effect.callback<string, ExecuteError>((resume) => {
    const child = execFile(
      file,
      args,
      { cwd: options.cwd, env: options.env, timeout: options.timeoutMillis, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) return resume(Effect.succeed(stdout))
        const how =
          error.code === "ENOENT"
            ? "was not found"
            : error.killed === true
              ? `did not end within ${options.timeoutMillis / 1000} seconds`
              : `ended with ${error.signal ?? `exit code ${error.code}`}`
        resume(Effect.fail(new ExecuteError({ message: `${file} ${how}`, output: `${stdout}${stderr}`.trim() })))
      }
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })
