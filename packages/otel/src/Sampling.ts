/**
 * Which invocations have spans. Logs and metrics are never sampled.
 *
 * The default is all: AWS sends `Sampled=0` with every invocation of a function without active tracing, so a sampler that
 * follows X-Ray has no spans there at all.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"

/**
 * A sampler: all, none, a part of all traces, or what X-Ray decided.
 *
 * @category models
 * @since 0.1.0
 */
export type Sampler =
  | { readonly _tag: "AlwaysOn" }
  | { readonly _tag: "AlwaysOff" }
  | { readonly _tag: "TraceIdRatio"; readonly ratio: number }
  | { readonly _tag: "XRay" }

/**
 * The facts that a sampler decides by.
 *
 * - `traceId`: 32 hexadecimal digits
 * - `isSampled`: the decision of X-Ray, if the invocation has a trace header
 *
 * @category models
 * @since 0.1.0
 */
export interface Trace {
  readonly traceId: string
  readonly isSampled?: boolean | undefined
}

/**
 * Every invocation.
 *
 * @category constructors
 * @since 0.1.0
 */
export const alwaysOn: Sampler = { _tag: "AlwaysOn" }

/**
 * No invocation.
 *
 * @category constructors
 * @since 0.1.0
 */
export const alwaysOff: Sampler = { _tag: "AlwaysOff" }

/**
 * A part of all traces, from 0 to 1. The decision follows from the trace id, so all spans of a trace have the same one. The
 * samplers of Go and Python decide alike.
 *
 * @category constructors
 * @since 0.1.0
 */
export const traceIdRatio = (ratio: number): Sampler => ({ _tag: "TraceIdRatio", ratio })

/**
 * The decision of X-Ray: `Sampled=1` in the trace header. An invocation without a trace header has spans.
 *
 * @category constructors
 * @since 0.1.0
 */
export const xray: Sampler = { _tag: "XRay" }

/**
 * Whether a trace has spans.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isSampled = (sampler: Sampler, trace: Trace): boolean => {
  switch (sampler._tag) {
    case "AlwaysOn":
      return true
    case "AlwaysOff":
      return false
    case "XRay":
      return trace.isSampled !== false
    case "TraceIdRatio":
      return sampler.ratio >= 1 || randomOf(trace.traceId) < BigInt(Math.round(sampler.ratio * 2 ** 63))
  }
}

// The first four bytes of an X-Ray id are the time, so only the last eight are random. Their last bit does not count.
const randomOf = (traceId: string) => BigInt(`0x${traceId.slice(-16)}`) >> 1n

/**
 * A sampler by the name that `OTEL_TRACES_SAMPLER` has for it, with the text of its argument: `always_on`, `always_off`,
 * `traceidratio` (argument: 0 to 1, default 1) and `xray`. Anything else fails with the end of a sentence about the name or the
 * argument, without its text.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (name: string, argument?: string): Result.Result<Sampler, string> => {
  switch (name) {
    case "always_on":
      return Result.succeed(alwaysOn)
    case "always_off":
      return Result.succeed(alwaysOff)
    case "xray":
      return Result.succeed(xray)
    case "traceidratio": {
      const text = argument?.trim() ?? ""
      const ratio = text === "" ? 1 : Number(text)
      return ratio >= 0 && ratio <= 1 ? Result.succeed(traceIdRatio(ratio)) : Result.fail("is not a number from 0 to 1")
    }
    default:
      return Result.fail("is none of always_on, always_off, traceidratio, xray")
  }
}

/**
 * A sentence for the log that says which invocations have spans.
 *
 * @category accessors
 * @since 0.1.0
 */
export const describe = (sampler: Sampler): string => {
  switch (sampler._tag) {
    case "AlwaysOn":
      return "Every invocation has spans, whatever X-Ray decides (sampler always_on)."
    case "AlwaysOff":
      return "No invocation has spans (sampler always_off)."
    case "XRay":
      return "An invocation has spans unless X-Ray decides against it (sampler xray)."
    case "TraceIdRatio":
      return `A part of ${sampler.ratio} of all traces has spans (sampler traceidratio).`
  }
}
