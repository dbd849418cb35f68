/**
 * The trial run itself, as a program beside the build: `node TrialProcess.ts FOLDER` reads `request.json` in the folder,
 * runs the layer in it, and writes `answer.json`. A separate process can have an empty network; the build needs the real
 * one.
 */
import * as Emulator from "@effect-lambda/emulator/Emulator"
import type { EmulatorError } from "@effect-lambda/emulator/EmulatorError"
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import process from "node:process"

/** The request of a trial run; its folder also holds `opt`, and the function `handler.mjs`. */
export interface Request {
  /** The variables of the function. */
  readonly env: Readonly<Record<string, string>>
  /** The time limit of init and of an invocation, in milliseconds. */
  readonly limitMillis: number
}

/** The answer of a trial run: how far the extension came, and everything that happened. */
export interface Answer {
  /** A sentence that says why the trial could not run. */
  readonly problem?: string
  readonly initStatus: string
  /** The invocation in which the extension failed. */
  readonly failed?: { readonly invocation: number; readonly status: string }
  readonly entries: ReadonlyArray<Journal.JournalEntry>
}

const invocations = 20

const run = Effect.fnUntraced(function* (
  folder: string,
  { env, limitMillis }: Request
): Effect.fn.Return<Answer, EmulatorError, Scope.Scope> {
  const emulator = yield* Emulator.make({
    extensions: { opt: NodePath.join(folder, "opt") },
    function: { handler: NodePath.join(folder, "handler.mjs") },
    environment: { ...env, EFFECT_LAMBDA_TRIAL: "1" },
    timeout: limitMillis,
    initTimeout: limitMillis
  })
  const init = yield* emulator.journal.waitFor(Journal.is("InitEnded"), limitMillis + 5000)
  const initStatus = init.status
  const enough = initStatus === "success" ? (yield* Clock.currentTimeMillis) + limitMillis / 2 : 0
  for (let invocation = 1; invocation <= invocations && (yield* Clock.currentTimeMillis) < enough; invocation++) {
    const { requestId } = yield* emulator.invoke(JSON.stringify({ invocation }))
    const { status } = yield* emulator.journal.waitFor(
      Journal.is("InvocationDone", (entry) => entry.requestId === requestId),
      limitMillis + 5000
    )
    if (status === "success") continue
    return { initStatus, failed: { invocation, status }, entries: yield* emulator.journal.entries }
  }
  yield* emulator.shutdown()
  return { initStatus, entries: yield* emulator.journal.entries }
})

if (import.meta.main) {
  const [, , folder = "."] = process.argv
  const request: Request = JSON.parse(Fs.readFileSync(NodePath.join(folder, "request.json"), "utf8"))
  const answer = await Effect.runPromise(
    run(folder, request).pipe(
      Effect.scoped,
      Effect.catchTag("EmulatorError", (error) =>
        Effect.succeed<Answer>({ problem: error.reason.message, initStatus: "error", entries: [] })
      )
    )
  )
  Fs.writeFileSync(NodePath.join(folder, "answer.json"), JSON.stringify(answer))
}
