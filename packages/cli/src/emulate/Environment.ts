/** An environment that is shown while it runs, for `emulate` and `dev`. */
import * as Emulator from "@effect-lambda/emulator/Emulator"
import type { EmulatorError } from "@effect-lambda/emulator/EmulatorError"
import type * as Journal from "@effect-lambda/emulator/Journal"
import * as Timeline from "@effect-lambda/emulator/Timeline"
import type * as CliError from "effect/cli/CliError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Positions } from "../layer/SourceMap.ts"
import * as FunctionVariables from "../project/FunctionVariables.ts"
import * as Terminal from "../shared/Terminal.ts"
import { fail } from "../shared/UserError.ts"
import * as CloudWatchLines from "./CloudWatchLines.ts"

export interface View {
  readonly terminal: Effect.Success<typeof Terminal.make>
  /** The extensions, for the width of their column. */
  readonly names: ReadonlyArray<string>
  /** The flag for the address that takes invokes. */
  readonly portFlag: "--listen" | "--invoke-port"
  readonly format: "timeline" | "logs" | "json"
  /** Finds the places in the sources for positions that the extensions print. */
  readonly positions?: Positions | undefined
  /** An environment of the same kind ran before, so the notes about this machine have been printed. */
  readonly isAgain?: boolean
  /** Takes each entry before it is shown. */
  readonly onEntry: (entry: Journal.JournalEntry) => Effect.Effect<void, CliError.UserError>
}

export interface Options extends Emulator.Options {
  /** Milliseconds. */
  readonly timeout: number
  readonly memorySize: number
}

/** Puts flags into the sentences of the emulator, which speak of its options. */
export const explain = ({ reason }: EmulatorError, portFlag?: View["portFlag"]) => {
  if (reason._tag === "InvalidVariable") return fail(FunctionVariables.explain(reason))
  if (reason._tag === "InvalidOption") return fail(reason.message.replace(/^initType/, "--init-type"))
  return fail(
    reason._tag === "PortUnavailable" && portFlag !== undefined
      ? reason.message.replace("another port", `another port with ${portFlag}`)
      : reason.message.replaceAll("function.command", "--bootstrap")
  )
}

/** Starts an environment, which lives until `end`. The scope of the caller shows it. */
export const start = Effect.fnUntraced(function* (options: Options, view: View) {
  const { format, names, onEntry, portFlag, positions, terminal } = view
  const scope = yield* Effect.scope
  // Closes before the last entries are shown, so that the journal is complete by then.
  const environment = yield* Scope.fork(scope)
  const emulator = yield* Emulator.make(options).pipe(
    Scope.provide(environment),
    Effect.catch((error) => explain(error, portFlag))
  )

  for (const note of view.isAgain === true ? [] : emulator.notes) {
    yield* format === "timeline"
      ? terminal.print(Terminal.paint("yellow", `note: ${note}`))
      : terminal.tell(`note: ${note}`)
  }
  const timeline = Timeline.make({ names, initTimeoutMs: emulator.initTimeoutMs })
  const logLines = CloudWatchLines.make({ memorySize: options.memorySize, functionVersion: "$LATEST" })
  const show = (entry: Journal.JournalEntry): ReadonlyArray<string> => {
    if (format === "json") return [JSON.stringify(entry)]
    if (format === "logs") return logLines(entry).map((line) => positions?.restore(line) ?? line)
    // The timeline tells in words what the bytes of an exchange say.
    return entry._tag === "Exchanged" ? [] : [Terminal.paint(Terminal.styleOf(entry), located(entry))]
  }
  const located = (entry: Journal.JournalEntry): string => {
    if (entry._tag !== "Output" || positions === undefined) return timeline.render(entry)
    const text = timeline.render({ ...entry, line: positions.restore(entry.line) })
    // The timeline leaves out the stack of a JSON line.
    const place = positions.own(entry.line)
    return place === undefined || text.includes(place) ? text : `${text} (${place})`
  }
  if (format === "timeline") yield* terminal.print(Terminal.paint("bold", timeline.header))
  const shown = yield* Stream.runForEach(
    emulator.journal.stream,
    Effect.fnUntraced(function* (entry) {
      yield* onEntry(entry)
      const lines = show(entry)
      if (lines.length > 0) yield* terminal.print(lines.join("\n"))
    })
  ).pipe(Effect.forkIn(scope))
  if (emulator.invokeEndpoint !== undefined) {
    const path = "/2015-03-31/functions/function/invocations"
    const text = `invokes over HTTP: curl -d '{}' ${emulator.invokeEndpoint}${path}`
    yield* format === "timeline" ? terminal.print(text) : terminal.tell(text)
  }
  return {
    emulator,
    /** Ends before `end` only by a failure. */
    shown: Fiber.join(shown),
    /** Shuts the environment down in order, and returns when everything has been shown. */
    end: Effect.gen(function* () {
      yield* emulator.shutdown()
      yield* Scope.close(environment, Exit.void)
      yield* Fiber.join(shown)
    })
  }
})
