/** The memory of a function and of an extension over many invocations. */
import { Emulator, Journal } from "@effect-lambda/emulator"
import * as Effect from "effect/Effect"
import { join } from "node:path"
import { packageFolder } from "../bundle.ts"
import type { Program } from "../platform.ts"
import { peakMegabytes, residentMegabytes } from "../proc.ts"

/** The samples of a life, evenly over its invocations. */
export const samples = 100

export interface MemoryLife {
  /** The resident memory of the extension, sample by sample, in MB. */
  readonly extension: ReadonlyArray<number>
  /** The most that the extension and the function had at one sample, in MB. */
  readonly together: number
  readonly extensionPeak: number
  readonly functionPeak: number
}

const limit = "2 minutes"

const measure = Effect.fnUntraced(function* (program: Program, invocations: number) {
  const emulator = yield* Emulator.make({
    extensions: [program.command[0]],
    function: { handler: join(packageFolder, "fixtures/logging.mjs") },
    environment: program.env,
    initTimeout: limit,
    timeout: limit
  })
  yield* emulator.journal.waitFor(
    Journal.is("InitEnded", ({ status }) => status === "success"),
    limit
  )
  const started = (yield* emulator.journal.entries).filter(Journal.is("ProcessStarted"))
  const pidOf = (isOurs: (source: string) => boolean): number => {
    const pid = started.find(({ source }) => isOurs(source))?.pid
    if (pid === undefined) throw new Error(`${program.label}: a process did not start`)
    return pid
  }
  const extension = pidOf((source) => source.startsWith("extension:"))
  const handler = pidOf((source) => source === "runtime")
  const every = Math.max(1, Math.floor(invocations / samples))
  const seen: Array<number> = []
  let together = 0
  for (let number = 1; number <= invocations; number++) {
    const { requestId } = yield* emulator.invoke("{}")
    const done = yield* emulator.journal.waitFor(
      Journal.is("InvocationDone", (entry) => entry.requestId === requestId),
      limit
    )
    if (done.status !== "success") throw new Error(`${program.label}: invocation ${number} failed: ${done.errorType}`)
    if (number % every !== 0) continue
    const own = residentMegabytes(extension)
    seen.push(own)
    together = Math.max(together, own + residentMegabytes(handler))
  }
  const peaks = { extensionPeak: peakMegabytes(extension), functionPeak: peakMegabytes(handler) }
  yield* emulator.shutdown()
  const entries = yield* emulator.journal.entries
  const delivered = entries.filter(Journal.is("TelemetryDelivered")).length
  if (delivered === 0) throw new Error(`${program.label} got no telemetry`)
  return { extension: seen, together, ...peaks }
}, Effect.scoped)

/** @param signal ends the emulator with what runs in it */
export const life = (program: Program, invocations: number, signal: AbortSignal): Promise<MemoryLife> =>
  Effect.runPromise(measure(program, invocations), { signal })
