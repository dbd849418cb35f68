/** The memory of a function and of an extension over many invocations. */
import { Emulator, Journal } from "@effect-lambda/emulator"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
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
  // The journal forgets old entries when there are very many.
  const counts = { done: 0, failed: 0, batches: 0 }
  yield* emulator.journal.stream.pipe(
    Stream.runForEach((entry) =>
      Effect.sync(() => {
        if (Journal.is("TelemetryDelivered")(entry)) counts.batches++
        if (!Journal.is("InvocationDone")(entry)) return
        counts.done++
        if (entry.status !== "success") counts.failed++
      })
    ),
    Effect.forkScoped
  )
  const every = Math.max(1, Math.floor(invocations / samples))
  const seen: Array<number> = []
  let together = 0
  for (let number = 1; number <= invocations; number++) {
    // An invocation begins when the one before it is over.
    const { requestId } = yield* emulator.invoke("{}")
    if (number % every !== 0) continue
    // Each look at the journal reads all of it.
    yield* emulator.journal.waitFor(
      Journal.is("InvocationDone", (entry) => entry.requestId === requestId),
      limit
    )
    const own = residentMegabytes(extension)
    seen.push(own)
    together = Math.max(together, own + residentMegabytes(handler))
  }
  const peaks = { extensionPeak: peakMegabytes(extension), functionPeak: peakMegabytes(handler) }
  yield* emulator.shutdown()
  const { batches, done, failed } = counts
  if (failed > 0 || done < invocations - 1 || batches === 0) {
    throw new Error(
      `${program.label}: ${failed} of ${invocations} invocations failed, ${done} were over, and ${batches} batches of telemetry came`
    )
  }
  return { extension: seen, together, ...peaks }
}, Effect.scoped)

/** @param signal ends the emulator with what runs in it */
export const life = (program: Program, invocations: number, signal: AbortSignal): Promise<MemoryLife> =>
  Effect.runPromise(measure(program, invocations), { signal })
