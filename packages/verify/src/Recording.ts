/** The recording of a run: the answers of AWS to invocations, and the lines of the log groups. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** A line of a log group. `stream` is the environment that wrote it. */
export const LogLine = Schema.Struct({ stream: Schema.String, at: Schema.Finite, message: Schema.String })
export type LogLine = typeof LogLine.Type

/** An invocation, as its caller sees it. `step` is what the function was asked to do. */
export const Invocation = Schema.Struct({
  step: Schema.String,
  at: Schema.Finite,
  millis: Schema.Finite,
  status: Schema.Finite,
  functionError: Schema.optionalKey(Schema.String),
  payload: Schema.String
})
export type Invocation = typeof Invocation.Type

/** A scenario, and the problem that kept it from running or from its end. */
export const ScenarioRecording = Schema.Struct({
  name: Schema.String,
  /** The layers of this repository that were beside the function. */
  layers: Schema.Array(Schema.String),
  problem: Schema.optionalKey(Schema.String),
  invocations: Schema.Array(Invocation),
  lines: Schema.Array(LogLine)
})
export type ScenarioRecording = typeof ScenarioRecording.Type

/** The file of a run. The number of the account is replaced by `123456789012`. */
export const Recording = Schema.Struct({
  version: Schema.Literal(1),
  startedAt: Schema.String,
  region: Schema.String,
  suffix: Schema.String,
  scenarios: Schema.Array(ScenarioRecording)
})
export type Recording = typeof Recording.Type

const text = {
  body: Schema.String,
  bytes: Schema.Finite,
  isWhole: Schema.Boolean,
  sha256: Schema.String
}
const headers = Schema.Array(Schema.String)

/** Lines of the recorder and the function, by the kind in `verify`. */
const Entry = Schema.Union([
  Schema.Struct({
    verify: Schema.Literal("start"),
    at: Schema.Finite,
    names: Schema.Array(Schema.String),
    cwd: Schema.String,
    initType: Schema.optionalKey(Schema.String),
    api: Schema.String,
    TZ: Schema.optionalKey(Schema.String)
  }),
  Schema.Struct({
    verify: Schema.Literal("answer"),
    at: Schema.Finite,
    call: Schema.String,
    status: Schema.Finite,
    headers,
    ...text
  }),
  Schema.Struct({
    verify: Schema.Literal("delivery"),
    at: Schema.Finite,
    method: Schema.String,
    url: Schema.String,
    headers,
    from: Schema.optionalKey(Schema.String),
    ...text
  }),
  Schema.Struct({ verify: Schema.Literal("broken"), at: Schema.Finite, call: Schema.String, message: Schema.String }),
  Schema.Struct({ verify: Schema.Literal("said"), at: Schema.Finite, what: Schema.String }),
  Schema.Struct({ verify: Schema.Literal("signal"), at: Schema.Finite, name: Schema.String }),
  Schema.Struct({ verify: Schema.Literal("exit"), at: Schema.Finite, code: Schema.Finite }),
  Schema.Struct({
    verify: Schema.Literal("sink"),
    at: Schema.Finite,
    requests: Schema.Finite,
    bytes: Schema.Finite,
    paths: Schema.Record(Schema.String, Schema.Finite)
  }),
  Schema.Struct({
    verify: Schema.Literal("function-init"),
    at: Schema.Finite,
    initType: Schema.optionalKey(Schema.NullOr(Schema.String))
  }),
  Schema.Struct({
    verify: Schema.Literal("function"),
    at: Schema.Finite,
    what: Schema.String,
    requestId: Schema.String,
    trace: Schema.optionalKey(Schema.NullOr(Schema.String)),
    xray: Schema.optionalKey(Schema.NullOr(Schema.String))
  })
])
export type Entry = typeof Entry.Type
export type Answer = Extract<Entry, { readonly verify: "answer" }>
export type Delivery = Extract<Entry, { readonly verify: "delivery" }>

const decodeEntry = Schema.decodeUnknownOption(Schema.fromJsonString(Entry))
const mark = '{"verify":'

/** The entry in a line, if the recorder or the function wrote it. Node writes time and request id before it. */
export const entryOf = ({ message }: LogLine): Option.Option<Entry> => {
  const start = message.indexOf(mark)
  return start === -1 ? Option.none() : decodeEntry(message.slice(start))
}

/** Whether the recorder or the function wrote the line. */
export const isOurs = (line: LogLine): boolean => line.message.includes(mark)

/** A header, whatever its case; headers are names and values by turns. */
export const headerOf = (
  { headers }: { readonly headers: ReadonlyArray<string> },
  name: string
): string | undefined => {
  const index = headers.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name.toLowerCase())
  return index === -1 ? undefined : headers[index + 1]
}
