/**
 * The summary of a run: the times and memory of each extension, and in plain words what went wrong.
 *
 * @since 0.1.0
 */
import type { Fault } from "@effect-lambda/emulator/Fault"
import type { EntryOf, JournalEntry, Source } from "@effect-lambda/emulator/Journal"
import * as LogLine from "@effect-lambda/emulator/LogLine"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Shortfalls from "./Shortfalls.ts"

/**
 * The measurements of one extension; `undefined` if the extension did not come that far.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExtensionFigures {
  readonly name: string
  /** From the start of the process to register, ms. The function's runtime starts only after the last one. */
  readonly registerMs: number | undefined
  /** From the start of the process to the first next, ms. */
  readonly readyMs: number | undefined
  /** The longest time an invocation was held open after the function's response, ms. */
  readonly heldOpenMs: number
  /** From SHUTDOWN to the exit of the process, ms. */
  readonly shutdownMs: number | undefined
  /** The most memory of its process group, MiB; shared pages count once. */
  readonly peakMemoryMb: number | undefined
}

/**
 * The outcome of a run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Summary {
  readonly invocations: number
  readonly failedInvocations: number
  readonly extensions: ReadonlyArray<ExtensionFigures>
  /** A sentence for each crash, overrun and other misbehaviour of an extension; empty if all is well. */
  readonly problems: ReadonlyArray<string>
  /** A sentence for each way in which an extension without a problem did not do its work; `emulate --strict` exits with 1. */
  readonly shortfalls: ReadonlyArray<string>
  /** Losses that are no fault of the extension, its errors and warnings in the log, and faults that never struck. */
  readonly notes: ReadonlyArray<string>
  /** A sentence for each way in which the function itself failed. */
  readonly functionFailures: ReadonlyArray<string>
}

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/** The state of the process that runs now; a reset starts another process. */
interface Generation {
  readonly kind: "external" | "internal"
  readonly startedAt: number
  isRegistered: boolean
  isSubscribedToInvoke: boolean
  /** The process has called next at least once. */
  isReady: boolean
  /** The process has called next since the last event. */
  isWaiting: boolean
  shutdownAt: number | undefined
  /** The environment has sent SIGKILL to it. */
  isKilled: boolean
  /** The error that the process has reported to init/error or exit/error, with its message. */
  reported: string | undefined
  hasEnded: boolean
}

interface Extension {
  readonly figures: Mutable<ExtensionFigures>
  generation: Generation
}

const decodeError = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ errorMessage: Schema.String })))

const errorMessage = (body: string): string =>
  Option.match(decodeError(body), { onNone: () => "", onSome: ({ errorMessage }) => `: ${errorMessage}` })

const longestLine = 500

/** An error of an extension as it was reported: its type, where to, and its message. */
const reportOf = ({ body, errorType, route }: EntryOf<"ErrorReported">): string => {
  const said = errorMessage(body).slice(2)
  return `${errorType} to ${route}${said === "" ? "" : ` (${LogLine.shortened(said, longestLine)})`}`
}

/** The lines of one kind in the log of an extension. */
interface Logged {
  count: number
  readonly first: string
}

const loggedNotes = (logged: ReadonlyMap<string, Logged>, one: string, several: string) =>
  Array.from(logged, ([name, { count, first }]) =>
    count === 1 ? `${name} logged ${one}: ${first}` : `${name} logged ${count} ${several}, the first: ${first}`
  )

const nameOf = (source: Source): string => source.slice("extension:".length)

const generation = (kind: Generation["kind"], startedAt: number): Generation => ({
  kind,
  startedAt,
  isRegistered: false,
  isSubscribedToInvoke: false,
  isReady: false,
  isWaiting: false,
  shutdownAt: undefined,
  isKilled: false,
  reported: undefined,
  hasEnded: false
})

/**
 * A fault as it was asked for; the journal has the same object each time it strikes.
 *
 * @category models
 * @since 0.1.0
 */
export interface AskedFault {
  readonly text: string
  readonly fault: Fault
}

/**
 * Takes the entries of a journal one by one, so that an environment may run for days.
 *
 * @param options.faults of the environment, to tell which of them never struck
 * @param options.memorySize of the function, in MB, to tell when the processes had more
 * @category constructors
 * @since 0.1.0
 */
export const make = ({
  faults = [],
  memorySize
}: { readonly faults?: ReadonlyArray<AskedFault>; readonly memorySize?: number } = {}): {
  readonly add: (entry: JournalEntry) => void
  readonly result: () => Summary
} => {
  const extensions = new Map<string, Extension>()
  const errors = new Map<string, Logged>()
  const warnings = new Map<string, Logged>()
  const struck = new Set<Fault>()
  // A failed init is repeated, and its problem with it; the sets keep each sentence once.
  const problems = new Set<string>()
  const notes = new Set<string>()
  const functionFailures = new Set<string>()
  const failed = new Set<string>()
  const shortfalls = Shortfalls.make(memorySize)
  let invocations = 0
  /** The error that the function has just posted; the invocation's answer follows it. */
  let posted: EntryOf<"ErrorReported"> | undefined
  /** The time at which the function responded in the invocation that is open. */
  let respondedAt: number | undefined
  let isInvoking = false
  /** The failure of the invocation that is open has been told; the end of a process that posted an error is no second one. */
  let isFailureTold = false
  let isShuttingDown = false
  let isRuntimeStarted = false
  let isRuntimeReady = false
  /** Init ran into its time limit in the invocation that is open. */
  let isInitLate = false

  const start = (name: string, kind: Generation["kind"], at: number): Extension => {
    const known = extensions.get(name)
    if (known !== undefined) {
      known.generation = generation(kind, at)
      return known
    }
    const figures: ExtensionFigures = {
      name,
      registerMs: undefined,
      readyMs: undefined,
      heldOpenMs: 0,
      shutdownMs: undefined,
      peakMemoryMb: undefined
    }
    const extension = { figures: { ...figures }, generation: generation(kind, at) }
    extensions.set(name, extension)
    return extension
  }

  /** Names what init waits for, when init runs into its limit or ends for another reason. */
  const blameInit = (why: string) => {
    const internal = [...extensions.values()].find(({ generation }) => generation.kind === "internal")
    for (const { figures, generation } of extensions.values()) {
      if (generation.kind === "internal" || generation.hasEnded) continue
      if (generation.reported !== undefined) {
        problems.add(`${figures.name} reported ${generation.reported} and did not exit ${why}`)
      } else if (!generation.isRegistered) {
        problems.add(
          `${figures.name} never registered ${why}` +
            (internal === undefined
              ? ""
              : `; there is a registration as "${internal.figures.name}", which is not the name of a file: is that this extension?`)
        )
      } else if (!generation.isReady) problems.add(`${figures.name} never called next ${why}`)
    }
    if (isRuntimeStarted && !isRuntimeReady) functionFailures.add(`the function's runtime never called next ${why}`)
  }

  const onOutput = (name: string, line: string) => {
    const log = LogLine.read(line)
    if (log === undefined || !(LogLine.isError(log) || log.level === "WARN")) return
    const counted = log.level === "WARN" ? warnings : errors
    const known = counted.get(name)
    if (known === undefined) counted.set(name, { count: 1, first: LogLine.shortened(log.text, longestLine) })
    else known.count++
  }

  const faultNotes = () =>
    faults.flatMap(({ fault, text }) => {
      if (struck.has(fault)) return []
      const name = fault._tag === "Crash" && fault.source !== "runtime" ? nameOf(fault.source) : undefined
      const why =
        name === undefined || extensions.has(name) ? "its moment did not come" : `no extension named ${name} ran`
      return [`the fault ${text} never struck: ${why}`]
    })

  const onExtension = (name: string, entry: Extract<JournalEntry, { readonly source: unknown }>) => {
    const known = extensions.get(name)
    switch (entry._tag) {
      case "ProcessStarted":
        start(name, "external", entry.at)
        return
      case "LaunchFailed":
        problems.add(`${name} could not be started: ${entry.message}. ${entry.advice}`)
        return
      case "Registered": {
        const { figures, generation } =
          entry.kind === "internal" ? start(name, "internal", entry.at) : (known ?? start(name, "external", entry.at))
        generation.isRegistered = true
        generation.isSubscribedToInvoke = entry.events.includes("INVOKE")
        figures.registerMs ??= entry.at - generation.startedAt
        return
      }
      case "NextCalled": {
        if (known === undefined) return
        const { figures, generation } = known
        generation.isReady = true
        generation.isWaiting = true
        figures.readyMs ??= entry.at - generation.startedAt
        if (respondedAt !== undefined && generation.isSubscribedToInvoke) {
          figures.heldOpenMs = Math.max(figures.heldOpenMs, entry.at - respondedAt)
        }
        return
      }
      case "EventDelivered":
        if (known === undefined) return
        known.generation.isWaiting = false
        if (entry.eventType === "SHUTDOWN") known.generation.shutdownAt = entry.at
        if (entry.lost) {
          notes.add(
            `${name} lost the event ${entry.eventType}: the connection of its poll was gone, and the old poll swallowed it`
          )
        }
        return
      case "ErrorReported":
        if (known !== undefined) known.generation.reported ??= reportOf(entry)
        return
      case "Killed":
        if (known !== undefined) known.generation.isKilled = entry.signal === "SIGKILL"
        return
      case "ProcessExited":
        if (known !== undefined) onExit(known, entry)
        return
      case "Output":
        return onOutput(name, entry.line)
      default:
        return
    }
  }

  const onExit = ({ figures, generation }: Extension, entry: EntryOf<"ProcessExited">) => {
    const { name } = figures
    generation.hasEnded = true
    const { isKilled, shutdownAt } = generation
    const { status } = entry
    if (entry.peakMemoryBytes !== undefined) {
      figures.peakMemoryMb = Math.max(figures.peakMemoryMb ?? 0, Math.round(entry.peakMemoryBytes / 1_048_576))
    }
    if (shutdownAt !== undefined) figures.shutdownMs = entry.at - shutdownAt
    const how = status._tag === "Code" ? `exit code ${status.code}` : `signal ${status.signal}`
    if (!isShuttingDown && generation.reported !== undefined) {
      problems.add(`${name} reported ${generation.reported} and ended with ${how}`)
    } else if (!isShuttingDown) {
      problems.add(`${name} crashed with ${how}: any exit before SHUTDOWN, code 0 included, is Extension.Crash`)
    } else if (isKilled && status._tag === "Signal" && status.signal === "SIGKILL") {
      // An extension that was not given SHUTDOWN, or did not ask for it, is killed by design.
      if (shutdownAt !== undefined) {
        problems.add(`${name} did not exit by itself after SHUTDOWN and was killed after ${figures.shutdownMs} ms`)
      } else if (entry.state === "ShutdownFailed") {
        problems.add(
          `${name} was still busy when the environment was shut down: it never fetched SHUTDOWN and was killed`
        )
      }
    } else if (status._tag === "Code" && status.code === 0) {
      return
    } else if (shutdownAt === undefined) {
      problems.add(`${name} ended with ${how} while the environment was shut down, before it was given SHUTDOWN`)
    } else if (status._tag === "Signal") {
      problems.add(`${name} crashed with ${how} ${figures.shutdownMs} ms after SHUTDOWN`)
    } else problems.add(`${name} ended its shutdown with ${how}; Lambda expects 0`)
  }

  const onInvocationDone = (entry: EntryOf<"InvocationDone">) => {
    isInvoking = false
    if (entry.status === "error" || entry.status === "timeout") failed.add(entry.requestId)
    const isFunctionError = entry.status === "error" && entry.errorType?.startsWith("Extension.") === false
    if (isFunctionError && !isFailureTold) {
      functionFailures.add(`invocation ${invocations} failed: ${entry.errorType}`)
    }
    // The problem of a late init has been named.
    if (entry.status === "timeout" && respondedAt === undefined && !isInitLate) {
      functionFailures.add(`invocation ${invocations} failed: the function had not responded when its timeout ended`)
    }
    if (entry.status === "timeout" && respondedAt !== undefined) {
      for (const { figures, generation } of extensions.values()) {
        if (!generation.isRegistered || !generation.isSubscribedToInvoke || generation.isWaiting) continue
        figures.heldOpenMs = Math.max(figures.heldOpenMs, entry.at - respondedAt)
        const { reported } = generation
        const told =
          reported === undefined ? "overran: it had not called next" : `reported ${reported} and had not exited`
        problems.add(
          `${figures.name} ${told} when the function's timeout ended invocation ` +
            `${invocations}, ${entry.at - respondedAt} ms after the function's response`
        )
      }
    }
    respondedAt = undefined
    isInitLate = false
  }

  const add = (entry: JournalEntry): void => {
    if (entry._tag === "ProcessExited" && entry.advice !== undefined) notes.add(entry.advice)
    shortfalls.add(entry)
    if ("source" in entry && entry.source !== "runtime") {
      return onExtension(nameOf(entry.source), entry)
    }
    switch (entry._tag) {
      case "ProcessStarted":
        isRuntimeStarted = true
        isRuntimeReady = false
        return
      case "LaunchFailed":
        functionFailures.add(`the function could not be started: ${entry.message}. ${entry.advice}`)
        return
      case "NextCalled":
        isRuntimeReady = true
        return
      case "ProcessExited":
        isRuntimeStarted = false
        return
      case "ErrorReported":
        if (entry.route === "init/error") {
          functionFailures.add(`the function could not be initialised: ${entry.errorType}${errorMessage(entry.body)}`)
        }
        if (entry.route === "restore/error") {
          functionFailures.add(`the function could not be restored: ${entry.errorType}${errorMessage(entry.body)}`)
        }
        if (entry.route === "invocation/error") posted = entry
        return
      case "InvocationStarted":
        invocations++
        isInvoking = true
        isFailureTold = false
        return
      case "RuntimeResponded":
        respondedAt = entry.at
        if (entry.functionError !== undefined) {
          failed.add(entry.requestId)
          isFailureTold = true
          // The Runtime API decides it if no error was posted: the response is too large or broken off.
          const why = posted === undefined ? "" : errorMessage(posted.body)
          functionFailures.add(`invocation ${invocations} failed: ${entry.functionError}${why}`)
        }
        posted = undefined
        return
      case "InvocationDone":
        return onInvocationDone(entry)
      case "InitEnded":
        isInitLate = entry.status === "timeout" && isInvoking
        if (entry.status === "timeout") blameInit("until init ran into its time limit")
        return
      case "ShutdownStarted":
        isShuttingDown = true
        if (!entry.reset) blameInit("before the environment was shut down")
        return
      case "ShutdownEnded":
        isShuttingDown = false
        return
      case "ApiRefused":
        if (entry.path.endsWith("/extension/register")) {
          notes.add(`a call of register was refused with ${entry.status} ${entry.errorType}: ${entry.message}`)
        }
        return
      case "FaultInjected":
        struck.add(entry.fault)
        return
      default:
        return
    }
  }

  return {
    add,
    result: () => ({
      invocations,
      failedInvocations: failed.size,
      extensions: Array.from(extensions.values(), ({ figures }) => ({ ...figures })),
      problems: [...problems],
      shortfalls: shortfalls.result().shortfalls,
      notes: [
        ...notes,
        ...shortfalls.result().notes,
        ...loggedNotes(errors, "an error", "errors"),
        ...loggedNotes(warnings, "a warning", "warnings"),
        ...faultNotes()
      ],
      functionFailures: [...functionFailures]
    })
  }
}
