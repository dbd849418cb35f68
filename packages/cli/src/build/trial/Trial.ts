/** A trial run: the layer in a folder under the emulator, with init, some invocations and SHUTDOWN. */
import * as Emulator from "@effect-lambda/emulator/Emulator"
import type { EmulatorError } from "@effect-lambda/emulator/EmulatorError"
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import * as Listeners from "./Listeners.ts"

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
  /** The sockets that the extension listens on after init; `undefined`: this system does not tell, or init failed. */
  readonly listeners?: ReadonlyArray<Listeners.Listener> | undefined
}

const invocations = 20

const runLayer = Effect.fnUntraced(function* (
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
  const started = (yield* emulator.journal.entries).find(
    Journal.is("ProcessStarted", ({ source }) => source !== "runtime")
  )
  const listeners = initStatus === "success" && started?.pid !== undefined ? Listeners.of(started.pid) : undefined
  const enough = initStatus === "success" ? (yield* Clock.currentTimeMillis) + limitMillis / 2 : 0
  for (let invocation = 1; invocation <= invocations && (yield* Clock.currentTimeMillis) < enough; invocation++) {
    const { requestId } = yield* emulator.invoke(JSON.stringify({ invocation }))
    const { status } = yield* emulator.journal.waitFor(
      Journal.is("InvocationDone", (entry) => entry.requestId === requestId),
      limitMillis + 5000
    )
    if (status === "success") continue
    return { initStatus, listeners, failed: { invocation, status }, entries: yield* emulator.journal.entries }
  }
  yield* emulator.shutdown()
  return { initStatus, listeners, entries: yield* emulator.journal.entries }
})

/** Runs the layer in the folder as `request.json` in it says, and writes `answer.json`. */
export const run = (folder: string): Promise<void> => {
  const request: Request = JSON.parse(Fs.readFileSync(NodePath.join(folder, "request.json"), "utf8"))
  return Effect.runPromise(
    runLayer(folder, request).pipe(
      Effect.scoped,
      Effect.catchTag("EmulatorError", (error) =>
        Effect.succeed<Answer>({ problem: error.reason.message, initStatus: "error", entries: [] })
      ),
      Effect.map((answer) => Fs.writeFileSync(NodePath.join(folder, "answer.json"), JSON.stringify(answer)))
    )
  )
}
