import * as TelemetryEvent from "../TelemetryEvent.ts"
import { deepest, type Element } from "./json.ts"
import { concat, encodeUtf8, keep } from "./wire.ts"
import { keepWritten } from "./written.ts"

/** The event in an element, with the text it is sent on with, and the request id of the invocation that is under way. */
export const decodeElement = (
  { bytes, held, isTooDeep, json, value }: Element,
  invocation?: string
): TelemetryEvent.TelemetryEvent => {
  if (isTooDeep) {
    // As a text: whoever reads it further on might not survive the depth either.
    const event: TelemetryEvent.Undecodable = {
      type: "undecodable",
      reason: `nested deeper than ${deepest} levels`,
      original: value
    }
    keepWritten(event)
    return event
  }
  const event = TelemetryEvent.decode(value)
  if (event.type !== "undecodable") keep(event, json, bytes, held, invocation)
  else {
    const head = `{"type":"undecodable","reason":${JSON.stringify(event.reason)},"original":`
    const whole = typeof json === "string" ? `${head}${json}}` : concat([encodeUtf8(head), json, encodeUtf8("}")])
    const more = encodeUtf8(head).length + 1
    keep(event, whole, bytes + more, held + 2 * more)
  }
  return event
}
