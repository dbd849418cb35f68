/** Pending invocations: a call becomes a request of the environment, and the caller waits for its outcome. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Crypto from "node:crypto"
import {
  AlreadyShutDown,
  EmulatorError,
  InvocationAbandoned,
  InvocationRefused,
  PayloadTooLarge
} from "../../EmulatorError.ts"
import type { InvocationOutcome, InvocationRequest } from "../environment/EnvironmentState.ts"
import type { Profile } from "../../Profile.ts"
import type { InvokeOptions, InvokeResult, TracingMode } from "../settings/Options.ts"
import { maxPayloadBytes } from "../wire/Wire.ts"
import * as TraceHeader from "../TraceHeader.ts"

export interface PendingInvocations {
  readonly invoke: (payload: string | Uint8Array, options?: InvokeOptions) => Effect.Effect<InvokeResult, EmulatorError>
  /** The environment knows how an invocation ended. */
  readonly answer: (call: number, outcome: InvocationOutcome) => void
  /** No answers will come any more. */
  readonly abandon: () => void
}

export const make = (options: {
  readonly profile: Profile
  readonly functionArn: string
  readonly tracing: TracingMode
  readonly now: () => number
  readonly isEnded: () => boolean
  readonly dispatch: (request: InvocationRequest) => void
}): PendingInvocations => {
  const { dispatch, functionArn, isEnded, now, profile, tracing } = options
  const pending = new Map<number, Deferred.Deferred<InvocationOutcome>>()
  let lastCall = 0

  const tracedBy = (given = profile.makesTraceHeader ? undefined : ""): TraceHeader.TraceHeader =>
    tracing === "Active" ? TraceHeader.traced(given, now()) : TraceHeader.passedThrough(given, now())

  const answer = (call: number, outcome: InvocationOutcome): void => {
    const waiting = pending.get(call)
    pending.delete(call)
    if (waiting !== undefined) Deferred.doneUnsafe(waiting, Effect.succeed(outcome))
  }

  return {
    answer,
    abandon: () => {
      for (const call of pending.keys()) answer(call, { _tag: "Abandoned", requestId: "" })
    },
    invoke: Effect.fnUntraced(function* (payload, invokeOptions = {}) {
      const method = "Emulator.invoke"
      if (isEnded()) return yield* new EmulatorError({ method, reason: new AlreadyShutDown() })
      const bytes = Buffer.byteLength(payload)
      if (bytes > maxPayloadBytes && !profile.cutsPayload) {
        return yield* new EmulatorError({ method, reason: new PayloadTooLarge({ bytes, limit: maxPayloadBytes }) })
      }
      const deferred = yield* Deferred.make<InvocationOutcome>()
      const call = ++lastCall
      const requestId = invokeOptions.requestId ?? Crypto.randomUUID()
      const { qualifier } = invokeOptions
      pending.set(call, deferred)
      dispatch({
        call,
        requestId,
        payload: bytes > maxPayloadBytes ? Buffer.from(payload).subarray(0, maxPayloadBytes) : payload,
        contentType: invokeOptions.contentType ?? "application/json",
        invokedFunctionArn: qualifier === undefined ? functionArn : `${functionArn}:${qualifier}`,
        ...tracedBy(invokeOptions.traceHeader),
        clientContext: invokeOptions.clientContext ?? "",
        cognitoIdentity: invokeOptions.cognitoIdentity ?? "",
        tenantId: invokeOptions.tenantId ?? ""
      })
      const outcome = yield* Deferred.await(deferred)
      if (outcome._tag === "Abandoned") {
        return yield* new EmulatorError({ method, reason: new InvocationAbandoned({ requestId }) })
      }
      if (outcome._tag === "Refused") {
        const { errorType } = outcome
        return yield* new EmulatorError({ method, reason: new InvocationRefused({ requestId, errorType }) })
      }
      const { functionError, payload: answered, respondedByRuntime } = outcome
      return { requestId, payload: answered, functionError, respondedByRuntime }
    })
  }
}
