/** An element of a body as an event, with its text. */
import * as TelemetryEvent from "../../TelemetryEvent.ts"
import type { Body } from "../record/body.ts"
import { deepest, type Element } from "../record/json.ts"
import { concat, encodeUtf8, keepTogether, settle, type Written } from "../record/originalText.ts"

/** The text of an undecodable record, with the text it came in inside. */
const around = ({ bytes, held, json }: Written, reason: string): Written => {
  const head = `{"type":"undecodable","reason":${JSON.stringify(reason)},"original":`
  const more = encodeUtf8(head).length + 1
  return {
    json: typeof json === "string" ? `${head}${json}}` : concat([encodeUtf8(head), json, encodeUtf8("}")]),
    bytes: bytes + more,
    held: held + 2 * more
  }
}

/** The event in the record at this place of a body that was read at once. */
export const decodeAt = (
  values: ReadonlyArray<unknown>,
  body: Body,
  index: number,
  invocation: string | undefined
): TelemetryEvent.TelemetryEvent => {
  const event = TelemetryEvent.decode(values[index])
  if (event.type === "undecodable") settle(event, around(body.writtenAt(index), event.reason))
  else keepTogether(event, body, index, invocation)
  return event
}

/** The event in an element, with the text to send on and the request id of the invocation that is under way. */
export const decodeElement = (element: Element, invocation: string | undefined): TelemetryEvent.TelemetryEvent => {
  const { bytes, held, isTooDeep, json, value } = element
  // The original is kept as a text: a later reader might not survive the depth either.
  if (isTooDeep) return { type: "undecodable", reason: `nested deeper than ${deepest} levels`, original: value }
  const event = TelemetryEvent.decode(value)
  const written = { json, bytes, held }
  settle(event, event.type === "undecodable" ? around(written, event.reason) : { ...written, invocation })
  return event
}
