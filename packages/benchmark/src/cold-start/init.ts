/** Measures init under the emulator: the time until the function and the extension both wait for an event. */
import { Emulator, Journal } from "@effect-lambda/emulator"
import * as Effect from "effect/Effect"
import { join } from "node:path"
import { packageFolder } from "../bundle.ts"
import type { Program } from "../platform.ts"

const handler = join(packageFolder, "fixtures/function.mjs")

const measure = Effect.fnUntraced(function* (program: Program | undefined) {
  const emulator = yield* Emulator.make({
    extensions: program === undefined ? [] : [program.command[0]],
    function: { handler },
    environment: program?.env ?? {}
  })
  yield* emulator.journal.waitFor(Journal.is("InitEnded"), "15 seconds")
  const entries = yield* emulator.journal.entries
  yield* emulator.shutdown()
  const started = entries.find(Journal.is("InitStarted"))
  const ended = entries.find(Journal.is("InitEnded"))
  if (started === undefined || ended?.status !== "success") {
    const output = entries.filter(Journal.is("Output")).map(({ line }) => line)
    throw new Error(`init of ${program?.label ?? "the function"} failed: ${ended?.errorType} ${output.join("\n")}`)
  }
  return ended.at - started.at
}, Effect.scoped)

/**
 * @param program the extension; `undefined` measures the function alone
 * @param signal ends the emulator with what runs in it
 */
export const initMillis = (program: Program | undefined, signal: AbortSignal): Promise<number> =>
  Effect.runPromise(measure(program), { signal })
