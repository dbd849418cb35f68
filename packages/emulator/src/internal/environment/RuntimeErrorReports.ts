/** The reports of a runtime that it failed: in its init, or in a hook after a restore. */
import * as Wire from "../wire/Wire.ts"
import { fail } from "./Failure.ts"
import { refuseTransition, runtimeErrorType } from "./RuntimeAnswers.ts"
import type { RuntimeRequest } from "../wire/Requests.ts"
import type { Environment } from "./State.ts"
import { record, reply, storeFatal } from "./State.ts"

type ErrorReport = RuntimeRequest & { readonly route: "runtime/init/error" | "runtime/restore/error" }

/** A hook failed after the restore; the phase ends at once. */
export const restoreError = (env: Environment, request: ErrorReport): void => {
  if (env.runtime.state !== "Restoring") return refuseTransition(env, request, "RuntimeRestoreErrorState")
  env.runtime.state = "RuntimeRestoreErrorState"
  const errorType = runtimeErrorType(request.errorType)
  record(env, { _tag: "ErrorReported", source: "runtime", route: "restore/error", errorType, body: request.body })
  reply(env, request.exchange, Wire.accepted)
  fail(env, "runtime", "Runtime.RestoreHookUserError", `a hook of the runtime failed after the restore: ${errorType}`)
}

export const initError = (env: Environment, request: ErrorReport): void => {
  // Some runtimes report a failed hook here.
  if (env.runtime.state === "Restoring") return restoreError(env, request)
  if (env.runtime.state !== "Started") return refuseTransition(env, request, "InitError")
  env.runtime.state = "InitError"
  const errorType = runtimeErrorType(request.errorType)
  record(env, { _tag: "ErrorReported", source: "runtime", route: "init/error", errorType, body: request.body })
  // Init goes on until the process ends or time runs out; the body becomes the invoker's error.
  storeFatal(env, "runtime", errorType, request.body)
  reply(env, request.exchange, Wire.accepted)
}
