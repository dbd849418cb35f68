/**
 * What a run showed of each extension: times, memory, and in plain words what went wrong.
 *
 * @since 0.1.0
 */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/**
 * What was measured of one extension; `undefined` where it did not come that far.
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
  /** The largest resident set, MB. */
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
  /** One sentence for each crash, overrun and other misbehaviour, of the extensions or of init. Empty: all is well. */
  readonly problems: ReadonlyArray<string>
}

interface Extension {
  name: string
  startedAt: number
  isRegistered: boolean
  isSubscribedToInvoke: boolean
  /** It has called next since the last event. */
  isWaiting: boolean
  registerMs: number | undefined
  readyMs: number | undefined
  heldOpenMs: number
  shutdownAt: number | undefined
  shutdownMs: number | undefined
  peakMemoryBytes: number | undefined
  isKilled: boolean
}

const decodeError = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ errorMessage: Schema.String })))

const errorMessage = (body: string): string =>
  Option.match(decodeError(body), { onNone: () => "", onSome: ({ errorMessage }) => `: ${errorMessage}` })

const extensionName = (source: string): string | undefined =>
  source.startsWith("extension:") ? source.slice("extension:".length) : undefined

/**
 * Takes the entries of a journal one by one, so that an environment may run for days.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): { readonly add: (entry: JournalEntry) => void; readonly result: () => Summary } => {
  const extensions = new Map<string, Extension>()
  // An init that fails is repeated, and its problem with it.
  const problems = new Set<string>()
  let invocations = 0
  let failedInvocations = 0
  let respondedAt: number | undefined
  let isShuttingDown = false

  const extensionOf = (entry: JournalEntry): Extension | undefined => {
    if (!("source" in entry)) return undefined
    const name = extensionName(entry.source)
    if (name === undefined) return undefined
    let extension = extensions.get(name)
    if (extension === undefined) {
      extension = {
        name,
        startedAt: entry.at,
        isRegistered: false,
        isSubscribedToInvoke: false,
        isWaiting: false,
        registerMs: undefined,
        readyMs: undefined,
        heldOpenMs: 0,
        shutdownAt: undefined,
        shutdownMs: undefined,
        peakMemoryBytes: undefined,
        isKilled: false
      }
      extensions.set(name, extension)
    }
    return extension
  }

  const add = (entry: JournalEntry): void => {
    const extension = extensionOf(entry)
    switch (entry._tag) {
      case "ProcessStarted":
        if (extension === undefined) return
        Object.assign(extension, {
          startedAt: entry.at,
          isRegistered: false,
          isWaiting: false,
          isKilled: false,
          shutdownAt: undefined
        })
        return
      case "LaunchFailed":
        if (extension !== undefined)
          problems.add(`${extension.name} could not be started: ${entry.message}. ${entry.advice}`)
        return
      case "Registered":
        if (extension === undefined) return
        if (entry.kind === "internal") {
          extensions.delete(extension.name)
          problems.add(
            `a registration as "${extension.name}" made an internal extension, since no file of that name was started: ` +
              "is it the base name of the executed file?"
          )
          return
        }
        extension.isRegistered = true
        extension.isSubscribedToInvoke = entry.events.includes("INVOKE")
        extension.registerMs ??= entry.at - extension.startedAt
        return
      case "NextCalled":
        if (extension === undefined) return
        extension.isWaiting = true
        extension.readyMs ??= entry.at - extension.startedAt
        if (respondedAt !== undefined && extension.isSubscribedToInvoke) {
          extension.heldOpenMs = Math.max(extension.heldOpenMs, entry.at - respondedAt)
        }
        return
      case "EventDelivered":
        if (extension === undefined) return
        extension.isWaiting = false
        if (entry.eventType === "SHUTDOWN") extension.shutdownAt = entry.at
        if (entry.lost) {
          problems.add(
            `${extension.name} lost an ${entry.eventType} event: it had given its poll up, and the old poll swallowed the event`
          )
        }
        return
      case "InvocationStarted":
        invocations++
        respondedAt = undefined
        return
      case "RuntimeResponded":
        respondedAt = entry.at
        return
      case "InvocationDone":
        if (entry.status !== "success") failedInvocations++
        if (entry.status !== "timeout" || respondedAt === undefined) return
        for (const extension of extensions.values()) {
          if (!extension.isRegistered || !extension.isSubscribedToInvoke || extension.isWaiting) continue
          extension.heldOpenMs = Math.max(extension.heldOpenMs, entry.at - respondedAt)
          problems.add(
            `${extension.name} overran: it had not called next when the function's timeout ended invocation ` +
              `${invocations}, ${entry.at - respondedAt} ms after the function's response`
          )
        }
        return
      case "ErrorReported":
        if (entry.source === "runtime" && entry.route === "init/error") {
          problems.add(`the function could not be initialised: ${entry.errorType}${errorMessage(entry.body)}`)
        }
        return
      case "InitEnded":
        if (entry.status !== "timeout") return
        for (const { isRegistered, name, readyMs } of extensions.values()) {
          if (!isRegistered) problems.add(`${name} never registered: init ran into its time limit`)
          else if (readyMs === undefined) problems.add(`${name} never called next: init ran into its time limit`)
        }
        return
      case "ShutdownStarted":
        isShuttingDown = true
        return
      case "ShutdownEnded":
        isShuttingDown = false
        return
      case "Killed":
        if (extension !== undefined && extension.shutdownAt !== undefined) extension.isKilled = true
        return
      case "ProcessExited": {
        if (extension === undefined) return
        const { shutdownAt } = extension
        if (entry.peakMemoryBytes !== undefined) {
          extension.peakMemoryBytes = Math.max(extension.peakMemoryBytes ?? 0, entry.peakMemoryBytes)
        }
        if (shutdownAt !== undefined) extension.shutdownMs = entry.at - shutdownAt
        const how = entry.status._tag === "Code" ? `exit code ${entry.status.code}` : `signal ${entry.status.signal}`
        if (extension.isKilled) {
          problems.add(
            `${extension.name} did not exit by itself after SHUTDOWN and was killed after ${extension.shutdownMs ?? 0} ms`
          )
        } else if (shutdownAt === undefined && !isShuttingDown) {
          problems.add(
            `${extension.name} crashed with ${how}: any exit before SHUTDOWN, code 0 included, is Extension.Crash`
          )
        } else if (shutdownAt !== undefined && (entry.status._tag === "Signal" || entry.status.code !== 0)) {
          problems.add(`${extension.name} ended its shutdown with ${how}; Lambda expects 0`)
        }
        return
      }
      default:
        return
    }
  }

  return {
    add,
    result: () => ({
      invocations,
      failedInvocations,
      extensions: Array.from(extensions.values(), (extension) => ({
        name: extension.name,
        registerMs: extension.registerMs,
        readyMs: extension.readyMs,
        heldOpenMs: extension.heldOpenMs,
        shutdownMs: extension.shutdownMs,
        peakMemoryMb: extension.peakMemoryBytes === undefined ? undefined : Math.round(extension.peakMemoryBytes / 1e6)
      })),
      problems: [...problems]
    })
  }
}

const columns: ReadonlyArray<readonly [string, (figures: ExtensionFigures) => string]> = [
  ["extension", (figures) => figures.name],
  ["register ms", (figures) => String(figures.registerMs ?? "-")],
  ["ready ms", (figures) => String(figures.readyMs ?? "-")],
  ["held open ms", (figures) => String(figures.heldOpenMs)],
  ["shutdown ms", (figures) => String(figures.shutdownMs ?? "-")],
  ["peak MB", (figures) => String(figures.peakMemoryMb ?? "-")]
]

/**
 * The summary as text: a table, then the problems.
 *
 * @category rendering
 * @since 0.1.0
 */
export const render = (summary: Summary): string => {
  const rows = [
    columns.map(([head]) => head),
    ...summary.extensions.map((figures) => columns.map(([, cell]) => cell(figures)))
  ]
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const table = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
  )
  const count = summary.invocations === 1 ? "1 invocation" : `${summary.invocations} invocations`
  const failed = summary.failedInvocations === 0 ? "" : `, ${summary.failedInvocations} failed`
  return [
    "",
    ...(summary.extensions.length === 0 ? [] : [...table, ""]),
    `${count}${failed}`,
    ...(summary.problems.length === 0
      ? ["no extension crashed or overran"]
      : summary.problems.map((text) => `problem: ${text}`))
  ].join("\n")
}
