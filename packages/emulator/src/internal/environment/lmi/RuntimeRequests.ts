/**
 * The requests of the runtime on a managed instance: request ids are checked call by call, and any number of workers
 * polls (docs/protocol.md#the-runtime-on-managed-instances).
 */
import * as Wire from "../../wire/Wire.ts"
import { advanceInit } from "../Init.ts"
import { arrive, judgeError, judgeResponse, refuse } from "../RuntimeAnswers.ts"
import { initError } from "../RuntimeErrorReports.ts"
import type { RuntimeRequest } from "../../wire/Requests.ts"
import type { Environment, InvocationRequest } from "../State.ts"
import { record, reply } from "../State.ts"
import { endConcurrent } from "./ConcurrentInvocations.ts"

export const respondConcurrent = (
  env: Environment,
  invocation: InvocationRequest,
  payload: string,
  functionError: string | undefined
): void => {
  const { requestId } = invocation
  record(env, { _tag: "RuntimeResponded", requestId, functionError, producedBytes: Buffer.byteLength(payload) })
  endConcurrent(env, invocation, "success", {
    _tag: "Answered",
    requestId,
    payload,
    functionError,
    respondedByRuntime: true
  })
}

/** Largest error body on a managed instance, in bytes (docs/protocol.md#the-runtime-on-managed-instances). */
const maxErrorBytes = 1_048_576

export const handleConcurrent = (env: Environment, request: RuntimeRequest): void => {
  switch (request.route) {
    case "runtime/next":
      arrive(env)
      env.runtime.polls.push({ exchange: request.exchange, aborted: false })
      record(env, { _tag: "NextCalled", source: "runtime" })
      return advanceInit(env)
    case "runtime/init/error":
      return initError(env, request)
    case "runtime/response":
    case "runtime/error": {
      if (request.route === "runtime/error" && Buffer.byteLength(request.body) > maxErrorBytes) {
        const message = `Exceeded maximum allowed payload size (${Wire.maxPayloadBytes} bytes).`
        return refuse(env, request, 413, "RequestEntityTooLarge", message)
      }
      const invocation = env.concurrent.get(request.requestId)
      if (invocation === undefined) {
        return env.timedOut.delete(request.requestId)
          ? refuse(env, request, 410, "InvokeTimeout", "Invoke timeout")
          : refuse(env, request, 400, "InvalidRequestID", "Invalid request ID")
      }
      const { functionError, payload, refusal } =
        request.route === "runtime/response" ? judgeResponse(request) : judgeError(env, request)
      respondConcurrent(env, invocation, payload, functionError)
      return refusal === undefined ? reply(env, request.exchange, Wire.accepted) : refuse(env, request, ...refusal)
    }
  }
}
