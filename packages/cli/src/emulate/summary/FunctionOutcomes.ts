/**
 * The outcome of a run for the function: the number of its invocations, and each way in which it failed itself.
 *
 * @since 0.1.0
 */
import type { EntryOf, JournalEntry } from "@effect-lambda/emulator/Journal"
import * as ReportedError from "./ReportedError.ts"

/**
 * Takes the entries of a journal one by one.
 *
 * @category models
 * @since 0.1.0
 */
export interface FunctionOutcomes {
  readonly add: (entry: JournalEntry) => void
  /** Whether one of the failures has this sentence. */
  readonly has: (sentence: string) => boolean
  readonly result: () => {
    readonly invocations: number
    readonly failedInvocations: number
    /** A sentence for each failure. */
    readonly functionFailures: ReadonlyArray<string>
  }
}

/**
 * The outcome of a run that begins.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): FunctionOutcomes => {
  // A failed init is repeated; the set keeps each sentence once.
  const failures = new Set<string>()
  const failed = new Set<string>()
  let invocations = 0
  /** The error that the function has just posted; the answer of the invocation follows it. */
  let posted: EntryOf<"ErrorReported"> | undefined
  let hasResponded = false
  let isInvoking = false
  /** The failure of the invocation that is open has been told; the end of a process that posted an error is no second one. */
  let isFailureTold = false
  let isRuntimeStarted = false
  let isRuntimeReady = false
  /** Init ran into its time limit in the invocation that is open. */
  let isInitLate = false

  /** Names the runtime if init waits for it, when init runs into its limit or ends for another reason. */
  const blameInit = (why: string) => {
    if (isRuntimeStarted && !isRuntimeReady) failures.add(`the function's runtime never called next ${why}`)
  }

  const onError = (entry: EntryOf<"ErrorReported">) => {
    if (entry.route === "init/error") {
      failures.add(`the function could not be initialised: ${entry.errorType}${ReportedError.messageOf(entry)}`)
    }
    if (entry.route === "restore/error") {
      failures.add(`the function could not be restored: ${entry.errorType}${ReportedError.messageOf(entry)}`)
    }
    if (entry.route === "invocation/error") posted = entry
  }

  const onResponse = (entry: EntryOf<"RuntimeResponded">) => {
    hasResponded = true
    if (entry.functionError !== undefined) {
      failed.add(entry.requestId)
      isFailureTold = true
      // The Runtime API decides it if no error was posted: the response is too large or broken off.
      const why = posted === undefined ? "" : ReportedError.messageOf(posted)
      failures.add(`invocation ${invocations} failed: ${entry.functionError}${why}`)
    }
    posted = undefined
  }

  const onInvocationDone = (entry: EntryOf<"InvocationDone">) => {
    isInvoking = false
    if (entry.status === "error" || entry.status === "timeout") failed.add(entry.requestId)
    const isFunctionError = entry.status === "error" && entry.errorType?.startsWith("Extension.") === false
    if (isFunctionError && !isFailureTold) failures.add(`invocation ${invocations} failed: ${entry.errorType}`)
    // The problem of a late init has been named.
    if (entry.status === "timeout" && !hasResponded && !isInitLate) {
      failures.add(`invocation ${invocations} failed: the function had not responded when its timeout ended`)
    }
    hasResponded = false
    isInitLate = false
  }

  const add = (entry: JournalEntry): void => {
    if ("source" in entry && entry.source !== "runtime") return
    switch (entry._tag) {
      case "ProcessStarted":
        isRuntimeStarted = true
        isRuntimeReady = false
        return
      case "LaunchFailed":
        failures.add(`the function could not be started: ${entry.message}. ${entry.advice}`)
        return
      case "NextCalled":
        isRuntimeReady = true
        return
      case "ProcessExited":
        isRuntimeStarted = false
        return
      case "ErrorReported":
        return onError(entry)
      case "InvocationStarted":
        invocations++
        isInvoking = true
        isFailureTold = false
        return
      case "RuntimeResponded":
        return onResponse(entry)
      case "InvocationDone":
        return onInvocationDone(entry)
      case "InitEnded":
        isInitLate = entry.status === "timeout" && isInvoking
        if (entry.status === "timeout") blameInit("until init ran into its time limit")
        return
      case "ShutdownStarted":
        if (!entry.reset) blameInit("before the environment was shut down")
        return
      default:
        return
    }
  }

  return {
    add,
    has: (sentence) => failures.has(sentence),
    result: () => ({ invocations, failedInvocations: failed.size, functionFailures: [...failures] })
  }
}
