/** The span that the SDK of the function makes for an invocation, found in what the SDK sends. */
import { type Decoded, decode, type Value } from "./decode.ts"
import { span } from "./schema.ts"
import type { Extent } from "./walk.ts"

/**
 * A span of kind SERVER that says which invocation it is of. The ids are lower-case hexadecimal digits.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerSpan {
  /** The value of `faas.invocation_id`, or of the older `faas.execution`. */
  readonly requestId: string
  /** 32 digits, not all of them zero. */
  readonly traceId: string
  /** 16 digits, not all of them zero. */
  readonly spanId: string
  /** Missing in a root span. */
  readonly parentSpanId?: string
}

/** The second name is the older one; SDKs of 2022 have it. */
const keys = ["faas.invocation_id", "faas.execution"]

const isMessage = (value: Value | undefined): value is Decoded => typeof value === "object" && !Array.isArray(value)

const textOf = (value: Value | undefined): string | undefined =>
  isMessage(value) && typeof value.stringValue === "string" ? value.stringValue : undefined

/** An id of zeros is none. */
const idOf = (value: Value | undefined): string | undefined =>
  typeof value === "string" && /[1-9a-f]/.test(value) ? value : undefined

/** @param bytes a request that the walk has found right; it has a span between the offsets */
export const serverSpan = (bytes: Uint8Array, { from, to }: Extent): ServerSpan | undefined => {
  const decoded = decode(span, bytes, from, to)
  const attributes = Array.isArray(decoded.attributes) ? decoded.attributes.filter(isMessage) : []
  const [requestId] = keys.flatMap((key) => textOf(attributes.find((each) => each.key === key)?.value) ?? [])
  const traceId = idOf(decoded.traceId)
  const spanId = idOf(decoded.spanId)
  const parentSpanId = idOf(decoded.parentSpanId)
  if (!requestId || traceId === undefined || spanId === undefined) return undefined
  return { requestId, traceId, spanId, ...(parentSpanId !== undefined && { parentSpanId }) }
}
