/** How faults are written on a command line: a form for each kind, and the words that a form can hold. */
import type * as Duration from "effect/Duration"
import type { Common, DeliveryChange, Fault, Moment, Occurrence, Route } from "./FaultKinds.ts"
import type { Source } from "./Source.ts"
import * as Routes from "./wire/Routes.ts"

const changes: ReadonlyArray<DeliveryChange> = ["again", "unknown", "dropped", "not-utf8", "cut", "half"]

/** The meaning of the words in capitals. */
export const words = {
  ROUTE: { pattern: `(?<route>${Routes.names.join("|")})`, text: Routes.names.join(", ") },
  WHEN: {
    pattern: "(?<when>[1-9]\\d*|every(?:-[1-9]\\d*)?|(?:100|\\d{1,2}(?:\\.\\d+)?)%)",
    text: "the occurrence that is hit (2, every, every-3 or 25%), by default the first"
  },
  DURATION: { pattern: "(?<duration>\\d+(?:\\.\\d+)?m?s)", text: "such as 500ms or 1.5s" },
  BYTES: { pattern: "(?<bytes>\\d+)", text: "a number" },
  CALL: {
    pattern: "(?<route>register|next|init/error|exit/error|telemetry|logs)",
    text: "register, next, init/error, exit/error, telemetry or logs"
  },
  STATUS: { pattern: "(?<status>202|403|500)", text: "403 or 500, or for telemetry and logs 202 (not supported)" },
  TYPE: {
    pattern: "(?<type>(?!(?:INVOKE|SHUTDOWN)$)[A-Za-z][\\w.-]*)",
    text: "a name such as RESTORE, but not INVOKE or SHUTDOWN"
  },
  ANSWER: { pattern: "(?<route>register|next)", text: "register or next" },
  EVENT: { pattern: "(?<event>invoke|shutdown)", text: "invoke or shutdown" },
  TIME: { pattern: "(?<time>-?\\d+|year-ahead)", text: "epoch milliseconds, such as -1, 0 or 676051, or year-ahead" },
  SOURCE: { pattern: "(?<source>runtime|extension:.+)", text: "runtime or extension:NAME" },
  MOMENT: {
    pattern: "(?<moment>init|during-invoke|after-response|shutdown)",
    text: "init, during-invoke, after-response or shutdown"
  },
  CHANGE: { pattern: `(?<change>${changes.join("|")})`, text: changes.join(", ") },
  POINT: { pattern: "(?<moment>during-invoke|after-response)", text: "during-invoke or after-response" }
} as const

type Groups = Readonly<Record<string, string | undefined>>

/** A fault as it is written; `read` gives nothing if the words do not go together. */
export interface Form {
  readonly syntax: string
  readonly does: string
  readonly read: (groups: Groups, common: Required<Common>) => Fault | undefined
}

/** The pattern has checked the number and the unit. */
const readDuration = (text = "0ms"): Duration.Input =>
  text.endsWith("ms") ? Number(text.slice(0, -2)) : Number(text.slice(0, -1)) * 1000

/** The text after `@`; without a text it is the first time. */
export const readOccurrence = (text = "1"): Occurrence => {
  if (text.endsWith("%")) return { probability: Number(text.slice(0, -1)) / 100 }
  return text.startsWith("every") ? { every: Number(text.slice("every-".length) || 1) } : { at: Number(text) }
}

const readRoute = ({ route }: Groups): Route | undefined => Routes.names.find((known) => known === route)

const readMoment = ({ moment }: Groups): Moment | undefined =>
  moment === "init" || moment === "during-invoke" || moment === "after-response" || moment === "shutdown"
    ? moment
    : undefined

const readSource = ({ source = "" }: Groups): Source =>
  source === "runtime" ? source : `extension:${source.slice("extension:".length)}`

/** In the order in which `help` has them. */
export const forms: ReadonlyArray<Form> = [
  {
    syntax: "reset:ROUTE[@WHEN]",
    does: "the connection is reset instead of an answer",
    read: (groups, common) => {
      const route = readRoute(groups)
      return route && { _tag: "Reset", route, ...common }
    }
  },
  {
    syntax: "slow:ROUTE[@WHEN]=DURATION",
    does: "the answer leaves later",
    read: (groups, common) => {
      const route = readRoute(groups)
      return route && { _tag: "Slow", route, delay: readDuration(groups.duration), ...common }
    }
  },
  {
    syntax: "partial:ROUTE[@WHEN]=BYTES",
    does: "the connection ends after so many bytes of the answer's body",
    read: (groups, common) => {
      const route = readRoute(groups)
      return route && { _tag: "Partial", route, bytes: Number(groups.bytes), ...common }
    }
  },
  {
    syntax: "close:ROUTE[@WHEN]",
    does: "the connection ends after the whole answer, unannounced",
    read: (groups, common) => {
      const route = readRoute(groups)
      return route && { _tag: "Close", route, ...common }
    }
  },
  {
    syntax: "status:CALL[@WHEN]=STATUS",
    does: "the request of an extension is refused",
    read: ({ route, status }, common) => {
      const refusal = status === "403" ? 403 : 500
      switch (route) {
        case "telemetry":
        case "logs":
          return { _tag: "Status", route, status: status === "202" ? 202 : refusal, ...common }
        case "register":
        case "next":
        case "init/error":
        case "exit/error":
          return status === "202" ? undefined : { _tag: "Status", route, status: refusal, ...common }
        default:
          return undefined
      }
    }
  },
  {
    syntax: "event:next[@WHEN]=TYPE",
    does: "next is answered with an event of an unknown type",
    read: ({ type = "" }, common) => ({ _tag: "Event", eventType: type, ...common })
  },
  {
    syntax: "fields:ANSWER[@WHEN]",
    does: "the answer has unknown fields",
    read: ({ route }, common) => ({ _tag: "Fields", route: route === "register" ? "register" : "next", ...common })
  },
  {
    syntax: "no-tracing[@WHEN]",
    does: "the event of an invocation has no tracing",
    read: (_, common) => ({ _tag: "NoTracing", ...common })
  },
  {
    syntax: "deadline:EVENT[@WHEN]=TIME",
    does: "the event carries this deadlineMs",
    read: ({ event, time }, common) => ({
      _tag: "Deadline",
      event: event === "invoke" ? "INVOKE" : "SHUTDOWN",
      deadlineMs: time === "year-ahead" ? time : Number(time),
      ...common
    })
  },
  {
    syntax: "drop-parked-next[@WHEN]",
    does: "the connection of a waiting next is cut, and the next event is lost in it",
    read: (_, common) => ({ _tag: "DropParkedNext", ...common })
  },
  {
    syntax: "timeout[@WHEN]",
    does: "the runtime's answer to the invocation never arrives",
    read: (_, common) => ({ _tag: "Timeout", ...common })
  },
  {
    syntax: "shutdown:POINT[@WHEN][+DURATION]",
    does: "the environment is shut down so long after the point",
    read: (groups, common) => {
      const moment = readMoment(groups)
      if (moment !== "during-invoke" && moment !== "after-response") return undefined
      return { _tag: "Shutdown", moment, delay: readDuration(groups.duration), ...common }
    }
  },
  {
    syntax: "crash:SOURCE:MOMENT[@WHEN][+DURATION]",
    does: "the process is killed so long after the moment",
    read: (groups, common) => {
      const moment = readMoment(groups)
      if (moment === undefined) return undefined
      return {
        _tag: "Crash",
        source: readSource(groups),
        moment,
        delay: readDuration(groups.duration),
        ...common
      }
    }
  },
  {
    syntax: "delivery:CHANGE[@WHEN]",
    does: "a batch of telemetry is changed on its way to the listener",
    read: (groups, common) => {
      const change = changes.find((known) => known === groups.change)
      return change && { _tag: "Delivery", change, ...common }
    }
  },
  {
    syntax: "hold-thaw[@WHEN]=DURATION",
    does: "the freeze lasts at least so long (needs the freeze)",
    read: ({ duration }, common) => ({ _tag: "HoldThaw", hold: readDuration(duration), ...common })
  }
]

/** The word that a fault begins with. */
export const nameOf = ({ syntax }: Form): string => /^[a-z-]+/.exec(syntax)?.[0] ?? ""

/** `[` and `]` enclose what may be left out; words in capitals stand for a choice. */
export const patternOf = ({ syntax }: Form): RegExp => {
  const escaped = syntax.replace(/\+/g, "\\+").replace(/\[/g, "(?:").replace(/\]/g, ")?")
  let pattern = escaped
  for (const [word, { pattern: choice }] of Object.entries(words)) pattern = pattern.replace(word, choice)
  return new RegExp(`^${pattern}$`)
}

/** The meaning of the words that the syntax has. */
export const legend = (syntax: string): ReadonlyArray<string> =>
  Object.entries(words).flatMap(([word, { text }]) => (syntax.includes(word) ? [`${word} is ${text}`] : []))
