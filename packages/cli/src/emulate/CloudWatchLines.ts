/**
 * The lines that Lambda writes into a function's log group for what the journal tells: START, END, REPORT, EXTENSION,
 * TELEMETRY, LOGS, INIT_REPORT, RESTORE_START, RESTORE_REPORT, and the output of the processes between them.
 *
 * @since 0.1.0
 */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"

const ms = (value: number): string => value.toFixed(2)

/**
 * Takes the entries of a journal one by one and gives the lines that each of them causes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly memorySize: number
  readonly functionVersion: string
}): ((entry: JournalEntry) => ReadonlyArray<string>) => {
  let initStartedAt = 0
  /** The duration of the init phase that ran before the next invocation; reported once. */
  let initDuration: number | undefined
  let restoreStartedAt = 0
  /** The duration of the restore before the next invocation; reported once. */
  let restoreDuration: number | undefined
  let invocationStartedAt = 0
  // Under rie the first init runs inside the first invocation, whose duration contains it.
  let isInvoking = false
  const events = new Map<string, ReadonlyArray<string>>()

  return (entry) => {
    switch (entry._tag) {
      case "Output":
        return entry.line.split("\n")
      case "InitStarted":
        initStartedAt = entry.at
        return []
      case "Registered":
        events.set(entry.source.replace("extension:", ""), entry.events)
        return []
      case "InitEnded": {
        const extensions = Array.from(
          events,
          ([name, names]) => `EXTENSION\tName: ${name}\tState: Ready\tEvents: [${names.join(", ")}]`
        )
        events.clear()
        const duration = entry.at - initStartedAt
        if (entry.status === "success") {
          if (entry.phase === "init" && !isInvoking) initDuration = duration
          return extensions
        }
        const type = entry.errorType === undefined ? "" : `\tError Type: ${entry.errorType}`
        return [`INIT_REPORT Init Duration: ${ms(duration)} ms\tPhase: ${entry.phase}\tStatus: ${entry.status}${type}`]
      }
      case "SnapshotTaken": {
        // No invocation waited for this init, so none reports it.
        const lines = [`INIT_REPORT Init Duration: ${ms(initDuration ?? 0)} ms\tPhase: init\tStatus: success`]
        initDuration = undefined
        return lines
      }
      case "RestoreStarted":
        restoreStartedAt = entry.at
        return ["RESTORE_START"]
      case "RestoreEnded": {
        restoreDuration = entry.at - restoreStartedAt
        const type = entry.errorType === undefined ? "" : `\tStatus: ${entry.status}\tError Type: ${entry.errorType}`
        return [`RESTORE_REPORT Restore Duration: ${ms(restoreDuration)} ms${type}`]
      }
      case "TelemetrySubscription": {
        const api = entry.api === "logs" ? "LOGS" : "TELEMETRY"
        const types = entry.types.map((type) => `${type.charAt(0).toUpperCase()}${type.slice(1)}`)
        return [
          `${api}\tName: ${entry.source.replace("extension:", "")}\tState: ${entry.state}\tTypes: [${types.join(", ")}]`
        ]
      }
      case "InvocationStarted":
        isInvoking = true
        invocationStartedAt = entry.at
        return [`START RequestId: ${entry.requestId} Version: ${options.functionVersion}`]
      case "InvocationDone": {
        isInvoking = false
        const duration = entry.at - invocationStartedAt
        const billedRestore = Math.ceil(restoreDuration ?? 0)
        const billed = Math.ceil(duration + (initDuration ?? 0)) + billedRestore
        const init = initDuration === undefined ? "" : `\tInit Duration: ${ms(initDuration)} ms`
        const restore =
          restoreDuration === undefined
            ? ""
            : `\tRestore Duration: ${ms(restoreDuration)} ms\tBilled Restore Duration: ${billedRestore} ms`
        initDuration = undefined
        restoreDuration = undefined
        const status =
          entry.status === "success"
            ? ""
            : `\tStatus: ${entry.status}${entry.errorType === undefined ? "" : `\tError Type: ${entry.errorType}`}`
        const memory = entry.maxMemoryBytes
        const used = memory === undefined ? "" : `\tMax Memory Used: ${Math.round(memory / 1_048_576)} MB`
        return [
          `END RequestId: ${entry.requestId}`,
          `REPORT RequestId: ${entry.requestId}\tDuration: ${ms(duration)} ms\tBilled Duration: ${billed} ms\t` +
            `Memory Size: ${options.memorySize} MB${used}${init}${restore}${status}`
        ]
      }
      default:
        return []
    }
  }
}
