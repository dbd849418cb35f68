/** The invocation that runs: handed out, answered, ended (docs/protocol.md#an-invocation). */
import { releaseExtension, releaseRuntime } from "./Delivery.ts"
import type { Environment, InvocationOutcome } from "./State.ts"
import { record, stopTimer } from "./State.ts"

/** Gives the invocation to every extension that is subscribed, and to the runtime. */
export const dispatchInvocation = (env: Environment): void => {
  const invocation = env.invocation
  if (invocation === undefined) return
  env.phase = { _tag: "Invoke" }
  const subscribed = env.extensions.filter((extension) => extension.events.includes("INVOKE"))
  for (const extension of subscribed) invocation.waitingFor.add(extension)
  // Externals, then internals, then the runtime (docs/protocol.md#an-invocation).
  for (const extension of subscribed) if (extension.kind === "external") releaseExtension(env, extension)
  for (const extension of subscribed) if (extension.kind === "internal") releaseExtension(env, extension)
  releaseRuntime(env)
}

/**
 * Gives the caller its result; only the first result counts. Under `rie` the caller waits for the end, and what happens
 * until then replaces the result.
 */
export const answer = (
  env: Environment,
  payload: string,
  functionError: string | undefined,
  respondedByRuntime: boolean
): void => {
  const invocation = env.invocation
  if (invocation === undefined) return
  const { call, requestId } = invocation.request
  const outcome: InvocationOutcome = { _tag: "Answered", requestId, payload, functionError, respondedByRuntime }
  const first = !invocation.answered
  invocation.answered = true
  if (env.options.profile.answersAtEnd) {
    env.heldAnswer = { _tag: "Answer", call, outcome }
    return
  }
  if (first) env.commands.push({ _tag: "Answer", call, outcome })
}

/** The environment can take another invocation, or none any more: the caller under `rie` hears its result. */
export const releaseAnswer = (env: Environment): void => {
  if (env.heldAnswer === undefined) return
  env.commands.push(env.heldAnswer)
  env.heldAnswer = undefined
}

export const endInvocation = (
  env: Environment,
  status: "success" | "error" | "timeout" | "abandoned",
  errorType: string | undefined
): void => {
  const invocation = env.invocation
  if (invocation === undefined) return
  stopTimer(env, "function")
  record(env, {
    _tag: "InvocationDone",
    requestId: invocation.request.requestId,
    status,
    errorType,
    extensionOverheadMs: invocation.runtimeDoneAt === undefined ? 0 : env.now - invocation.runtimeDoneAt,
    maxMemoryBytes: env.memoryBytes
  })
  env.invocation = undefined
}

/** Ends the invocation when the runtime and every subscribed extension have called next. */
export const advanceInvocation = (env: Environment): void => {
  const invocation = env.invocation
  if (env.phase._tag !== "Invoke" || invocation === undefined) return
  if (invocation.runtimeDoneAt === undefined || invocation.waitingFor.size > 0) return
  endInvocation(env, "success", undefined)
  env.runtime.current = undefined
  releaseAnswer(env)
  env.phase = { _tag: "Idle" }
}

/** Tells every caller that still waits for a result that there will be none. */
export const abandonInvocations = (env: Environment): void => {
  for (const { call, requestId } of env.queue.splice(0)) {
    env.commands.push({ _tag: "Answer", call, outcome: { _tag: "Abandoned", requestId } })
  }
  releaseAnswer(env)
  const invocation = env.invocation
  if (invocation === undefined) return
  const { call, requestId } = invocation.request
  const outcome: InvocationOutcome = { _tag: "Abandoned", requestId }
  if (!invocation.answered) env.commands.push({ _tag: "Answer", call, outcome })
  endInvocation(env, "abandoned", undefined)
}
