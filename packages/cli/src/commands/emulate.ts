/** `effect-lambda emulate`: extensions and a function in a Lambda execution environment on this machine. */
import * as Emulator from "@effect-lambda/emulator/Emulator"
import type { EmulatorError } from "@effect-lambda/emulator/EmulatorError"
import * as Fault from "@effect-lambda/emulator/Fault"
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Timeline from "@effect-lambda/emulator/Timeline"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs"
import process from "node:process"
import * as CloudWatchLines from "../CloudWatchLines.ts"
import { flags, type Input, optionsOf, payloadOf } from "../EmulateInput.ts"
import * as Summary from "../Summary.ts"
import * as Terminal from "../Terminal.ts"
import { fail } from "../UserError.ts"

const explain = (error: EmulatorError) =>
  // The emulator speaks of its options, a person at a terminal of flags.
  fail(error.reason.message.replaceAll("function.command", "--bootstrap"))

/** Appends to the journal file; without one to nowhere. */
const openJournal = (path: Option.Option<string>) => {
  if (Option.isNone(path)) return Effect.succeed(() => Effect.void)
  const cannot = new CliError.UserError({ cause: `the journal file ${path.value} cannot be written` })
  return Effect.acquireRelease(Effect.try({ try: () => Fs.openSync(path.value, "w"), catch: () => cannot }), (file) =>
    Effect.sync(() => Fs.closeSync(file))
  ).pipe(
    Effect.map(
      (file) => (line: string) => Effect.try({ try: () => Fs.writeSync(file, `${line}\n`), catch: () => cannot })
    )
  )
}

const invokeAll = Effect.fnUntraced(function* (
  emulator: Emulator.Emulator["Service"],
  count: number,
  payload: string,
  timeoutSeconds: number
) {
  for (let number = 1; number <= count; number++) {
    const { requestId } = yield* emulator.invoke(payload).pipe(
      // A managed instance refuses while no worker polls, and one polls again only after its last answer.
      Effect.retry({
        while: ({ reason }) => reason._tag === "InvocationRefused" && reason.errorType === "Runtime.Unavailable",
        schedule: Schedule.spaced("10 millis"),
        times: timeoutSeconds * 100
      })
    )
    yield* emulator.journal.waitFor(
      Journal.is("InvocationDone", (done) => done.requestId === requestId),
      "16 minutes"
    )
  }
})

const run = Effect.fnUntraced(function* (input: Input) {
  const payload = yield* payloadOf(input)
  const { names, options } = yield* optionsOf(input)
  const append = yield* openJournal(input.journal)
  const terminal = yield* Terminal.make
  // Released before the summary, so that the journal is complete by then.
  const environment = yield* Scope.fork(yield* Effect.scope)
  const emulator = yield* Emulator.make(options).pipe(Scope.provide(environment), Effect.catch(explain))

  const summary = Summary.make()
  const timeline = Timeline.make({
    names,
    ...(input.profile === "lmi" ? { initTimeoutMs: input.timeout * 1000 } : undefined)
  })
  const logLines = CloudWatchLines.make({ memorySize: input.memory, functionVersion: "$LATEST" })
  const show = (entry: Journal.JournalEntry): ReadonlyArray<string> => {
    if (input.json) return [JSON.stringify(entry)]
    if (input.logs) return logLines(entry)
    return [Terminal.paint(Terminal.styleOf(entry), timeline.render(entry))]
  }
  if (!input.json && !input.logs) yield* terminal.print(Terminal.paint("bold", timeline.header))
  const printed = yield* Effect.forkChild(
    Stream.runForEach(
      emulator.journal.stream,
      Effect.fnUntraced(function* (entry) {
        summary.add(entry)
        yield* append(JSON.stringify(entry))
        const lines = show(entry)
        if (lines.length > 0) yield* terminal.print(lines.join("\n"))
      })
    )
  )
  if (emulator.invokeEndpoint !== undefined) {
    const path = "/2015-03-31/functions/function/invocations"
    const text = `invokes over HTTP: curl -d '{}' ${emulator.invokeEndpoint}${path}`
    yield* input.json || input.logs ? terminal.tell(text) : terminal.print(text)
  }

  const work = Option.match(input.invocations, {
    onNone: () => Effect.never,
    onSome: (count) => Effect.catch(invokeAll(emulator, count, payload, input.timeout), explain)
  })
  // Whatever ends it, the environment is shut down and the summary told. The printer ends first only by failing.
  const outcome = yield* Effect.exit(Effect.raceAllFirst([work, terminal.ended, Fiber.join(printed)]))
  yield* emulator.shutdown()
  yield* Scope.close(environment, Exit.void)
  yield* Fiber.join(printed)

  const result = summary.result()
  yield* terminal.print(input.json ? JSON.stringify({ _tag: "Summary", ...result }) : Summary.render(result))
  const isAllFailed = result.invocations > 0 && result.failedInvocations === result.invocations
  if (result.problems.length > 0 || isAllFailed) process.exitCode = 1
  yield* outcome
}, Effect.scoped)

export const emulate = Command.make("emulate", flags, run).pipe(
  Command.withDescription(
    "Runs extensions and a function as Lambda would, and shows what happens.\n\n" +
      "The exit code is 0 only if no extension crashed or overran, and not every invocation failed.\n\n" +
      `Faults:\n\n${Fault.help}`
  ),
  Command.withExamples([
    {
      command: "effect-lambda emulate --extensions dist/extensions --function src/handler.mjs --invocations 3",
      description: "Three invocations, then SHUTDOWN"
    },
    {
      command: "effect-lambda emulate -e my-extension.sh --bootstrap ./bootstrap --timeout 10",
      description: "Stay up; invoke with the AWS SDK or curl; end with Ctrl-C"
    },
    {
      command:
        "effect-lambda emulate -e my-extension.sh -f handler.mjs -n 5 --fault drop-parked-next@2 --fault slow:next=300ms",
      description: "What production does at its worst"
    },
    {
      command: "effect-lambda emulate -e my-extension.sh -f handler.py -n 1 --logs",
      description: "What CloudWatch would show"
    }
  ])
)
