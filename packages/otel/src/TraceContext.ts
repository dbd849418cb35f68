/**
 * The place of an invocation in a trace: read from the header of X-Ray, or derived from the request id.
 *
 * Ids are derived from what a record says and from nothing else, so a record that comes again has the same ids.
 *
 * @since 0.1.0
 */
import { digest } from "./internal/digest.ts"

/**
 * The place of an invocation in a trace.
 *
 * - `traceId`: 32 hexadecimal digits in lower case
 * - `parentId`: the span that caused the invocation, 16 hexadecimal digits in lower case
 * - `isSampled`: `false` if the header decides against it. Lambda does so for every function without active tracing
 *
 * @category models
 * @since 0.1.0
 */
export interface TraceContext {
  readonly traceId: string
  readonly parentId?: string
  readonly isSampled: boolean
}

/**
 * Whether a text is a trace id: 32 hexadecimal digits in lower case that are not all zero.
 *
 * @category guards
 * @since 0.1.0
 */
export const isTraceId = (text: string): boolean => /^(?!0{32})[0-9a-f]{32}$/.test(text)

/**
 * Whether a text is the id of a span: 16 hexadecimal digits in lower case that are not all zero.
 *
 * @category guards
 * @since 0.1.0
 */
export const isSpanId = (text: string): boolean => /^(?!0{16})[0-9a-f]{16}$/.test(text)

/**
 * Reads the header of X-Ray, such as `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`. The
 * fields may have any order, and others are passed over. A header without a valid `Root` gives nothing. Without a decision
 * (`Sampled=?`, or none) the trace is sampled.
 *
 * @see https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
 * @category decoding
 * @since 0.1.0
 */
export const fromXRay = (header: string): TraceContext | undefined => {
  const fields = new Map<string, string>()
  for (const field of header.split(";")) {
    const equals = field.indexOf("=")
    if (equals > 0) fields.set(field.slice(0, equals).trim(), field.slice(equals + 1).trim())
  }
  const [, time = "", random = ""] = /^1-([0-9a-f]{8})-([0-9a-f]{24})$/i.exec(fields.get("Root") ?? "") ?? []
  const traceId = (time + random).toLowerCase()
  if (!isTraceId(traceId)) return undefined
  const parentId = fields.get("Parent")?.toLowerCase() ?? ""
  return {
    traceId,
    ...(isSpanId(parentId) ? { parentId } : undefined),
    isSampled: fields.get("Sampled") !== "0"
  }
}

/**
 * The trace of an invocation that has no header: sampled, without a parent. The trace id is made of the 16 bytes of the
 * request id, the second half first: samplers take the last eight bytes for a random number, and the second half of a
 * request id always begins with the bits `10`. A request id of another form gives a digest of its text.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromRequestId = (requestId: string): TraceContext => {
  const digits = requestId.replaceAll("-", "").toLowerCase()
  const traceId = digits.slice(16) + digits.slice(0, 16)
  return {
    traceId: isTraceId(traceId) ? traceId : digest(`1 ${requestId}`) + digest(`2 ${requestId}`),
    isSampled: true
  }
}

/**
 * The id of a span, derived from texts that tell this span from all others. The same texts give the same id.
 *
 * @category constructors
 * @since 0.1.0
 */
export const deriveSpanId = (...texts: ReadonlyArray<string>): string => digest(JSON.stringify(texts))
