/** A cold start under the emulator: init with a function and an extension, and the first invocation. */
import { Emulator, Journal } from "@effect-lambda/emulator"
import * as Effect from "effect/Effect"
import { join } from "node:path"
import { packageFolder } from "../bundle.ts"
import type { Program } from "../platform.ts"

/** A function beside which extensions are measured. */
export interface FunctionOfRun {
  readonly label: string
  readonly options: Emulator.FunctionOptions
}

export const nodeFunction: FunctionOfRun = {
  label: "Node function",
  options: { handler: join(packageFolder, "fixtures/function.mjs") }
}

/** Milliseconds from the start of init; the caller of a cold start waits since then. */
export interface ColdStart {
  readonly initMillis: number
  readonly responseMillis: number
  /** The end of the first invocation, when the runtime and the extension wait again. */
  readonly overMillis: number
  /** The extension asked for its first event after the function had asked for its own. */
  readonly isExtensionLast: boolean
}

export interface Subject {
  /** `undefined` measures the function alone. */
  readonly extension: Program | undefined
  readonly function: FunctionOfRun
  /** Called between init and the first invocation. */
  readonly afterInit?: () => void
  /** Called when the first invocation is over, before the processes end. */
  readonly atEnd?: () => void
}

// A start under a small CPU quota takes seconds.
const limit = "2 minutes"

const measure = Effect.fnUntraced(function* ({ afterInit, atEnd, extension, function: beside }: Subject) {
  const emulator = yield* Emulator.make({
    extensions: extension === undefined ? [] : [extension.command[0]],
    function: beside.options,
    environment: extension?.env ?? {},
    initTimeout: limit,
    timeout: limit
  })
  const fail = Effect.fnUntraced(function* (problem: string) {
    const lines = (yield* emulator.journal.entries).filter(Journal.is("Output")).map(({ line }) => line)
    throw new Error(`${extension?.label ?? "no extension"} beside a ${beside.label}: ${problem}\n${lines.join("\n")}`)
  })
  const init = yield* emulator.journal.waitFor(Journal.is("InitEnded"), limit)
  if (init.status !== "success") return yield* fail(`init failed with ${init.errorType}`)
  afterInit?.()
  yield* emulator.invoke("{}")
  const done = yield* emulator.journal.waitFor(Journal.is("InvocationDone"), limit)
  atEnd?.()
  if (done.status !== "success") return yield* fail(`the invocation failed with ${done.errorType}`)
  const entries = yield* emulator.journal.entries
  if (extension?.work === "ships" && !entries.some(Journal.is("TelemetryDelivered"))) {
    return yield* fail("no telemetry was delivered to the extension")
  }
  const started = entries.find(Journal.is("InitStarted"))
  const invoked = entries.find(Journal.is("InvocationStarted"))
  const responded = entries.find(Journal.is("RuntimeResponded"))
  if (!started || !invoked || !responded) return yield* fail("the journal is incomplete")
  const firstNext = entries.filter(Journal.is("NextCalled")).filter(({ index }) => index < init.index)
  // The time between init and the invocation belongs to this program, not to the start.
  const own = invoked.at - init.at
  return {
    initMillis: init.at - started.at,
    responseMillis: responded.at - started.at - own,
    overMillis: done.at - started.at - own,
    isExtensionLast: firstNext.at(-1)?.source !== "runtime"
  }
}, Effect.scoped)

/** @param signal ends the emulator with what runs in it */
export const coldStart = (subject: Subject, signal: AbortSignal): Promise<ColdStart> =>
  Effect.runPromise(measure(subject), { signal })
