/** The place of a log in a trace: the span of the invocation that it says, or else of the one that runs. */
import type * as Logs from "../Logs.ts"
import * as Invocations from "./invocations.ts"
import * as Recent from "./recent.ts"
import type { Context, State } from "./state.ts"

/** @param said the request id that the log says */
export const placeOfLog = (state: State, said: string | undefined, context: Context): Logs.Place => {
  const { platformEvents } = context.settings
  const place = { observedAt: context.observedAt, isCertain: true, isConcurrent: state.isManaged, platformEvents }
  if (said !== undefined) {
    const known = placeOfInvocation(state, said, context)
    if (known !== undefined) return { ...place, ...known, requestId: said }
  }
  // A program may use the name `requestId` for other ids.
  if (state.running === undefined) return { ...place, requestId: said }
  return { ...place, ...placeOfInvocation(state, state.running, context), requestId: state.running }
}

/** The place of an invocation in its trace, if the invocation is known. Without its start, the id of its span is not. */
const placeOfInvocation = (state: State, requestId: string, context: Context) => {
  const invocation = Recent.get(state.invocations, requestId)
  if (invocation !== undefined) {
    const { isSampled, spanId, traceId } = Invocations.placeOf(invocation, context)
    return { traceId, spanId, flags: isSampled ? 1 : 0 }
  }
  const facts = context.traceOf(requestId)
  if (facts.header === undefined && facts.sdk === undefined) return undefined
  return { traceId: Invocations.traceOfRequest(requestId, undefined, facts).traceId }
}
