/**
 * The outcome of a run for each extension: its times and its memory, and the problems of its processes, which are crashes,
 * overruns and an init or a shutdown that did not end.
 *
 * @since 0.1.0
 */
import type { EntryOf, JournalEntry } from "@effect-lambda/emulator/Journal"
import * as ExtensionName from "./ExtensionName.ts"
import * as ReportedError from "./ReportedError.ts"

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
 * Takes the entries of a journal one by one.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExtensionOutcomes {
  readonly add: (entry: JournalEntry) => void
  readonly figures: () => ReadonlyArray<ExtensionFigures>
  /** A sentence for each problem. */
  readonly problems: () => ReadonlyArray<string>
  /** Whether one of the problems has this sentence. */
  readonly has: (sentence: string) => boolean
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
 * How a process ended: `exit code 1` or `signal SIGKILL`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const howOf = ({ status }: EntryOf<"ProcessExited">): string =>
  status._tag === "Code" ? `exit code ${status.code}` : `signal ${status.signal}`

/**
 * The outcomes of a run that begins.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): ExtensionOutcomes => {
  const extensions = new Map<string, Extension>()
  // A failed init is repeated, and its problem with it; the set keeps each sentence once.
  const problems = new Set<string>()
  let invocations = 0
  /** The time at which the function responded in the invocation that is open. */
  let respondedAt: number | undefined
  let isShuttingDown = false

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
  }

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
        return
      case "ErrorReported":
        if (known !== undefined) known.generation.reported ??= ReportedError.describe(entry)
        return
      case "Killed":
        if (known !== undefined) known.generation.isKilled = entry.signal === "SIGKILL"
        return
      case "ProcessExited":
        if (known !== undefined) onExit(known, entry)
        return
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
    const how = howOf(entry)
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

  /** Names the extensions that the timeout of the function has found at work. */
  const onTimeout = (at: number, respondedAt: number) => {
    for (const { figures, generation } of extensions.values()) {
      if (!generation.isRegistered || !generation.isSubscribedToInvoke || generation.isWaiting) continue
      figures.heldOpenMs = Math.max(figures.heldOpenMs, at - respondedAt)
      const { reported } = generation
      const told =
        reported === undefined ? "overran: it had not called next" : `reported ${reported} and had not exited`
      problems.add(
        `${figures.name} ${told} when the function's timeout ended invocation ` +
          `${invocations}, ${at - respondedAt} ms after the function's response`
      )
    }
  }

  const add = (entry: JournalEntry): void => {
    if ("source" in entry && entry.source !== "runtime") {
      return onExtension(ExtensionName.of(entry.source), entry)
    }
    switch (entry._tag) {
      case "InvocationStarted":
        invocations++
        return
      case "RuntimeResponded":
        respondedAt = entry.at
        return
      case "InvocationDone":
        if (entry.status === "timeout" && respondedAt !== undefined) onTimeout(entry.at, respondedAt)
        respondedAt = undefined
        return
      case "InitEnded":
        if (entry.status === "timeout") blameInit("until init ran into its time limit")
        return
      case "ShutdownStarted":
        isShuttingDown = true
        if (!entry.reset) blameInit("before the environment was shut down")
        return
      case "ShutdownEnded":
        isShuttingDown = false
        return
      default:
        return
    }
  }

  return {
    add,
    figures: () => Array.from(extensions.values(), ({ figures }) => ({ ...figures })),
    problems: () => [...problems],
    has: (sentence) => problems.has(sentence)
  }
}
