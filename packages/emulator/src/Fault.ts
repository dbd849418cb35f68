/**
 * Faults of production, on order: what a network, a platform and a process can do to an extension, each at a chosen
 * time. An environment takes any number of them as its `faults`; the journal has a `FaultInjected` for each time a
 * fault acts.
 *
 * A fault is data. `when` says which occurrence it hits; occurrences are counted for each extension and for the runtime
 * by itself, over the whole life of the environment, resets included. With `probability` the choice is made from the
 * environment's `seed`, the fault's place in the list and the count, so that a run can be repeated.
 *
 * **Example** (The connection of a poll is lost, and the platform answers every fifth one with 500)
 *
 * ```ts
 * import type { Fault } from "@effect-lambda/emulator"
 *
 * export const faults: ReadonlyArray<Fault.Fault> = [
 *   { _tag: "Reset", route: "next", when: { at: 2 } },
 *   { _tag: "Status", status: 500, when: { every: 5 } }
 * ]
 * ```
 *
 * For command lines there is `parse`: the same two are `reset:next@2` and `status:next@every-5=500`.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import { EmulatorError, InvalidFault } from "./EmulatorError.ts"
import type { Source } from "./internal/Source.ts"
import type { RouteName } from "./internal/wire/Requests.ts"
import * as Routes from "./internal/wire/Routes.ts"

/**
 * The routes of both APIs, those of the Runtime API after `runtime/`.
 *
 * @category models
 * @since 0.1.0
 */
export type Route = RouteName

/**
 * The occurrence that is hit: the one of this number, counted from 1; every n-th one; or each one with a probability
 * from 0 to 1.
 *
 * @category models
 * @since 0.1.0
 */
export type Occurrence = { readonly at: number } | { readonly every: number } | { readonly probability: number }

/**
 * A point in the life of a process.
 *
 * - `init`: its process has started
 * - `during-invoke`: INVOKE leaves for the extension, the invocation for the runtime
 * - `after-response`: the runtime has responded
 * - `shutdown`: SHUTDOWN leaves for the extension, SIGTERM is sent to the runtime
 *
 * A process that is killed at the moment itself, without a delay, does not see the event any more.
 *
 * @category models
 * @since 0.1.0
 */
export type Moment = "init" | "during-invoke" | "after-response" | "shutdown"

interface Common {
  /** Default: the first time. */
  readonly when?: Occurrence
}

/**
 * One fault.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault = Common &
  (
    | {
        /** The connection is reset (RST) when the request has come; nothing of it reaches the platform. */
        readonly _tag: "Reset"
        readonly route: Route
      }
    | {
        /**
         * The answer leaves so much later. During that time the platform goes on, and the journal shows what it does.
         */
        readonly _tag: "Slow"
        readonly route: Route
        readonly delay: Duration.Input
      }
    | {
        /** The connection ends after so many bytes of the answer's body; to the platform the answer has left. */
        readonly _tag: "Partial"
        readonly route: Route
        readonly bytes: number
      }
    | {
        /** The next of an extension is refused with this status and AWS's body; to the platform it never came. */
        readonly _tag: "Status"
        readonly status: 403 | 500
      }
    | {
        /**
         * Events of this kind carry another `deadlineMs`: any number, or a year from now. AWS's own sample has 676051,
         * which is no point in time. The deadline that the platform keeps to does not change.
         */
        readonly _tag: "Deadline"
        readonly event: "INVOKE" | "SHUTDOWN"
        readonly deadlineMs: number | "year-ahead"
      }
    | {
        /** The connection of a next that waits is cut. The poll stands, and the next event goes to it and is lost. */
        readonly _tag: "DropParkedNext"
      }
    | {
        /** The runtime's answer to an invocation never arrives, so that the function times out. */
        readonly _tag: "Timeout"
      }
    | {
        /** The environment is shut down (`spindown`) while an invocation runs, `delay` (default 0) after the moment. */
        readonly _tag: "Shutdown"
        readonly moment: "during-invoke" | "after-response"
        readonly delay?: Duration.Input
      }
    | {
        /** SIGKILL to the process group, `delay` (default 0) after the moment. */
        readonly _tag: "Crash"
        readonly source: Source
        readonly moment: Moment
        readonly delay?: Duration.Input
      }
    | {
        /**
         * A freeze lasts at least so long: an input that would end it waits. Clocks jump by that time. Needs `freeze`.
         */
        readonly _tag: "HoldThaw"
        readonly hold: Duration.Input
      }
  )

/** The meaning of the words in capitals. */
const words = {
  ROUTE: { pattern: `(?<route>${Routes.names.join("|")})`, text: Routes.names.join(", ") },
  WHEN: {
    pattern: "(?<when>[1-9]\\d*|every(?:-[1-9]\\d*)?|(?:100|\\d{1,2}(?:\\.\\d+)?)%)",
    text: "the occurrence that is hit (2, every, every-3 or 25%), by default the first"
  },
  DURATION: { pattern: "(?<duration>\\d+(?:\\.\\d+)?m?s)", text: "such as 500ms or 1.5s" },
  BYTES: { pattern: "(?<bytes>\\d+)", text: "a number" },
  STATUS: { pattern: "(?<status>403|500)", text: "403 or 500" },
  EVENT: { pattern: "(?<event>invoke|shutdown)", text: "invoke or shutdown" },
  TIME: { pattern: "(?<time>-?\\d+|year-ahead)", text: "epoch milliseconds, such as -1, 0 or 676051, or year-ahead" },
  SOURCE: { pattern: "(?<source>runtime|extension:.+)", text: "runtime or extension:NAME" },
  MOMENT: {
    pattern: "(?<moment>init|during-invoke|after-response|shutdown)",
    text: "init, during-invoke, after-response or shutdown"
  },
  POINT: { pattern: "(?<moment>during-invoke|after-response)", text: "during-invoke or after-response" }
} as const

type Groups = Readonly<Record<string, string | undefined>>

interface Form {
  readonly syntax: string
  readonly does: string
  readonly read: (groups: Groups, common: Required<Common>) => Fault | undefined
}

/** The pattern has checked the number and the unit. */
const readDuration = (text = "0ms"): Duration.Input =>
  text.endsWith("ms") ? Number(text.slice(0, -2)) : Number(text.slice(0, -1)) * 1000

const readOccurrence = (text = "1"): Occurrence => {
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

const forms: ReadonlyArray<Form> = [
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
    syntax: "status:next[@WHEN]=STATUS",
    does: "next of an extension is refused",
    read: ({ status }, common) => ({ _tag: "Status", status: status === "403" ? 403 : 500, ...common })
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
    syntax: "hold-thaw[@WHEN]=DURATION",
    does: "the freeze lasts at least so long (needs the freeze)",
    read: ({ duration }, common) => ({ _tag: "HoldThaw", hold: readDuration(duration), ...common })
  }
]

const nameOf = ({ syntax }: Form): string => /^[a-z-]+/.exec(syntax)?.[0] ?? ""

/** `[` and `]` enclose what may be left out; words in capitals stand for a choice. */
const patternOf = ({ syntax }: Form): RegExp => {
  const escaped = syntax.replace(/\+/g, "\\+").replace(/\[/g, "(?:").replace(/\]/g, ")?")
  let pattern = escaped
  for (const [word, { pattern: choice }] of Object.entries(words)) pattern = pattern.replace(word, choice)
  return new RegExp(`^${pattern}$`)
}

const legend = (syntax: string): ReadonlyArray<string> =>
  Object.entries(words).flatMap(([word, { text }]) => (syntax.includes(word) ? [`${word} is ${text}`] : []))

/**
 * Reads a fault as it is written on a command line; `help` says how. Fails with the reason `InvalidFault`, whose message
 * is one sentence: for an unknown fault it lists the names, otherwise it says how this one is written.
 *
 * **Example** (Two faults)
 *
 * ```ts
 * import { Fault } from "@effect-lambda/emulator"
 * import * as Result from "effect/Result"
 *
 * export const faults = Result.all([Fault.parse("slow:register=500ms"), Fault.parse("crash:runtime:during-invoke@2+50ms")])
 * ```
 *
 * @category parsing
 * @since 0.1.0
 */
export const parse = (text: string): Result.Result<Fault, EmulatorError> => {
  const name = text.split(/[:@+=]/, 1)[0]
  const form = forms.find((form) => nameOf(form) === name)
  const groups = form === undefined ? undefined : patternOf(form).exec(text)
  const fault = groups && form?.read(groups.groups ?? {}, { when: readOccurrence(groups.groups?.when) })
  if (fault) return Result.succeed(fault)
  const advice =
    form === undefined
      ? `the faults are ${forms.map(nameOf).join(", ")}`
      : `write ${[form.syntax, ...legend(form.syntax)].join("; ")}`
  return Result.fail(new EmulatorError({ method: "Fault.parse", reason: new InvalidFault({ text, advice }) }))
}

const width = Math.max(...forms.map(({ syntax }) => syntax.length))

/**
 * How faults are written, for `--help`: one line for each fault, then one for each word in capitals.
 *
 * @category parsing
 * @since 0.1.0
 */
export const help: string = [
  ...forms.map(({ does, syntax }) => `${syntax.padEnd(width)}  ${does}`),
  "",
  ...Object.entries(words).map(([word, { text }]) => `${word.padEnd(8)}  ${text}`)
].join("\n")
