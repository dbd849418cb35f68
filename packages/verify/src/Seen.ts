/** A recorded scenario as facts look at it: answers, deliveries, events of telemetry, lines of Lambda. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Recording from "./Recording.ts"

/** An event of telemetry, as it was delivered. */
export const TelemetryEvent = Schema.Struct({
  time: Schema.String,
  type: Schema.String,
  record: Schema.Union([Schema.String, Schema.Record(Schema.String, Schema.Unknown)])
})
export type TelemetryEvent = typeof TelemetryEvent.Type

const decodeBatch = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Array(TelemetryEvent)))

/** The events of a delivery; none if its body was cut or is no JSON. */
export const eventsOf = (delivery: Recording.Delivery): ReadonlyArray<TelemetryEvent> =>
  Option.getOrElse(decodeBatch(delivery.body), () => [])

const JsonObject = Schema.Record(Schema.String, Schema.Unknown)
const decodeObject = Schema.decodeUnknownOption(Schema.fromJsonString(JsonObject))

/** The object in a text; empty if there is none. */
export const objectIn = (text: string): Readonly<Record<string, unknown>> =>
  Option.getOrElse(decodeObject(text), () => ({}))

/** A field of a value that came from outside; `undefined` if the value is no object. */
export const field = (value: unknown, ...names: ReadonlyArray<string>): unknown =>
  names.reduce<unknown>(
    (inner, name) => (Object(inner) === inner ? Reflect.get(Object(inner), name) : undefined),
    value
  )

export interface Seen {
  readonly scenario: string
  readonly layers: ReadonlyArray<string>
  readonly invocations: ReadonlyArray<Recording.Invocation>
  readonly entries: ReadonlyArray<Recording.Entry>
  readonly answers: ReadonlyArray<Recording.Answer>
  readonly deliveries: ReadonlyArray<Recording.Delivery>
  /** The events of all deliveries, in the order of arrival. */
  readonly events: ReadonlyArray<TelemetryEvent>
  /** The lines that neither the recorder nor the function wrote. */
  readonly platform: ReadonlyArray<Recording.LogLine>
}

export const make = ({ invocations, layers, lines, name }: Recording.ScenarioRecording): Seen => {
  const entries = lines.flatMap((line) => Option.toArray(Recording.entryOf(line)))
  const deliveries = entries.filter((entry) => entry.verify === "delivery")
  return {
    scenario: name,
    layers,
    invocations,
    entries,
    answers: entries.filter((entry) => entry.verify === "answer"),
    deliveries,
    events: deliveries.flatMap(eventsOf),
    platform: lines.filter((line) => !Recording.isOurs(line))
  }
}

/** The answers to a call. */
export const answersTo = (seen: Seen, call: string): ReadonlyArray<Recording.Answer> =>
  seen.answers.filter((answer) => answer.call === call)

/** The events that next gave, by their type. */
export const nextsOf = (seen: Seen, eventType: string): ReadonlyArray<Recording.Answer> =>
  answersTo(seen, "next").filter(({ body, status }) => status === 200 && objectIn(body)["eventType"] === eventType)

/** The telemetry of a type. */
export const telemetryOf = (seen: Seen, type: string): ReadonlyArray<TelemetryEvent> =>
  seen.events.filter((event) => event.type === type)
