import * as TelemetryEvent from "../TelemetryEvent.ts"
import { deepest, type Element } from "./json.ts"
import { concat, encodeUtf8, keep, type Together, type Written } from "./wire.ts"

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

/** The event in a value, with the text to send on and the request id of the invocation that is under way. */
const decodeValue = (value: unknown, from: Written | Together, index: number, invocation: string | undefined) => {
  const event = TelemetryEvent.decode(value)
  if (event.type !== "undecodable") keep(event, from, index, invocation)
  else keep(event, around("json" in from ? from : from.writtenAt(index), event.reason))
  return event
}

/** The event at this place of a body that was read at once. */
export const decodeAt = (
  values: ReadonlyArray<unknown>,
  body: Together,
  index: number,
  invocation: string | undefined
): TelemetryEvent.TelemetryEvent => decodeValue(values[index], body, index, invocation)

/** The event in an element. */
export const decodeElement = (element: Element, invocation: string | undefined): TelemetryEvent.TelemetryEvent => {
  const { bytes, held, isTooDeep, json, value } = element
  if (!isTooDeep) return decodeValue(value, { json, bytes, held }, 0, invocation)
  // The original is kept as a text: a later reader might not survive the depth either.
  return { type: "undecodable", reason: `nested deeper than ${deepest} levels`, original: value }
}
