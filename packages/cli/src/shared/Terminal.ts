/** The terminal: colours, output, and the signals that a person sends from it. */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import process from "node:process"
import { styleText } from "node:util"

type Style = Parameters<typeof styleText>[0]

export const styleOf = (entry: JournalEntry): Style | undefined => {
  switch (entry._tag) {
    case "LaunchFailed":
    case "Fatal":
    case "ApiRefused":
      return "red"
    case "ProcessExited":
      // SIGTERM is how the runtime's life usually ends.
      return entry.source === "runtime" || (entry.status._tag === "Code" && entry.status.code === 0) ? undefined : "red"
    case "InvocationDone":
    case "InitEnded":
      return entry.status === "success" ? "green" : "red"
    case "EventDelivered":
      return entry.lost ? "red" : "cyan"
    case "InitStarted":
    case "InvocationStarted":
    case "ShutdownStarted":
      return "bold"
    case "FaultInjected":
      return "yellow"
    case "Output":
      return "dim"
    default:
      return undefined
  }
}

/** Adds colours if the output is a terminal and NO_COLOR is not set: `styleText` looks at both. */
export const paint = (style: Style | undefined, text: string): string =>
  style === undefined ? text : styleText(style, text, { stream: process.stdout })

/**
 * The output of a run, and the signal for its end. A run ends by SIGINT or SIGTERM, when the terminal is closed, or when
 * the output is no longer read (`| head`) or cannot be written. A second SIGINT or SIGTERM ends the program at once.
 */
export const make = Effect.gen(function* () {
  const ended = yield* Deferred.make<"signal" | "output">()
  let isReadable = true
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const onSignal = () => {
        if (Deferred.isDoneUnsafe(ended)) process.exit(130)
        Deferred.doneUnsafe(ended, Exit.succeed("signal"))
      }
      // The system and the shell both send SIGHUP: the second one is no impatience.
      const onHangup = () => {
        Deferred.doneUnsafe(ended, Exit.succeed("signal"))
      }
      const onError = (error: NodeJS.ErrnoException) => {
        isReadable = false
        if (error.code !== "EPIPE") {
          process.exitCode = 1
          process.stderr.write(`the output cannot be written: ${error.message}\n`)
        }
        Deferred.doneUnsafe(ended, Exit.succeed("output"))
      }
      process.on("SIGINT", onSignal).on("SIGTERM", onSignal).on("SIGHUP", onHangup)
      process.stdout.on("error", onError)
      // No output is left for this error.
      process.stderr.on("error", () => {})
      return { onSignal, onHangup }
    }),
    // The listeners for errors stay: what is still in the pipe fails later.
    ({ onHangup, onSignal }) =>
      Effect.sync(() => process.off("SIGINT", onSignal).off("SIGTERM", onSignal).off("SIGHUP", onHangup))
  )
  return {
    ended: Deferred.await(ended),
    print: (text: string) =>
      Effect.sync(() => {
        if (isReadable) process.stdout.write(`${text}\n`)
      }),
    /** Writes to stderr, for text that a program which reads the output must not see. */
    tell: (text: string) =>
      Effect.sync(() => {
        process.stderr.write(`${text}\n`)
      })
  }
})
