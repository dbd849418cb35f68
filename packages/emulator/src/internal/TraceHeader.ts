/** The X-Ray trace header of an invocation, as Lambda makes it and hands it on (docs/protocol.md#trace-context). */
import * as Crypto from "node:crypto"

/** The header for one invocation. */
export interface TraceHeader {
  /** What the function and the INVOKE event are told; empty if there is no header. */
  readonly traceHeader: string
  /** The segment that Lambda itself sends to X-Ray; empty without active tracing. */
  readonly lambdaSegmentId: string
}

/** The `tracing` of platform events. */
export interface TraceContext {
  /** The segment of the function, which only active tracing has. */
  readonly spanId?: string
  readonly type: "X-Amzn-Trace-Id"
  readonly value: string
}

const hex = (bytes: number): string => Crypto.randomBytes(bytes).toString("hex")

/** A header of Lambda's own, for an invocation that comes without one. `now` in epoch milliseconds. */
const make = (now: number, sampled: "0" | "1"): string => {
  const time = Math.floor(now / 1000).toString(16)
  return `Root=1-${time}-${hex(12)};Parent=${hex(8)};Sampled=${sampled};Lineage=1:${hex(4)}:0`
}

const fieldsOf = (header: string): ReadonlyMap<string, string> =>
  new Map(
    header.split(";").map((field) => {
      const [name = "", value = ""] = field.split("=")
      return [name.trim(), value.trim()]
    })
  )

/** Tracing is off: a header passes through as it came. A header of Lambda's own says that the invocation is not sampled. */
export const passedThrough = (given: string | undefined, now: number): TraceHeader => ({
  traceHeader: given ?? make(now, "0"),
  lambdaSegmentId: ""
})

/**
 * Tracing is active: Lambda sends a segment of its own and one of the function, and the header names the function's as
 * `Parent`. An invocation is sampled unless the header that came with it says otherwise.
 */
export const traced = (given: string | undefined, now: number): TraceHeader => {
  const fields = fieldsOf(given ?? make(now, "1"))
  const root = fields.get("Root") ?? ""
  if (root === "") return { traceHeader: "", lambdaSegmentId: "" }
  const lineage = fields.get("Lineage") ?? ""
  const traceHeader = `Root=${root};Parent=${hex(8)};Sampled=${fields.get("Sampled") === "0" ? "0" : "1"}`
  return { traceHeader: lineage === "" ? traceHeader : `${traceHeader};Lineage=${lineage}`, lambdaSegmentId: hex(8) }
}

/** The `tracing` of an invocation's platform events; none if it is not sampled. */
export const contextOf = ({ lambdaSegmentId, traceHeader }: TraceHeader): TraceContext | undefined => {
  const type = "X-Amzn-Trace-Id"
  const fields = fieldsOf(traceHeader)
  if (fields.get("Sampled") !== "1") return undefined
  if (lambdaSegmentId === "") return { type, value: traceHeader }
  const value = `Root=${fields.get("Root")};Parent=${lambdaSegmentId};Sampled=1`
  return { spanId: fields.get("Parent") ?? "", type, value }
}
