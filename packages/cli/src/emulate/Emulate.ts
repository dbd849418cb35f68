/** The work of `effect-lambda emulate`, loaded when it is asked for. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import * as CliError from "effect/cli/CliError"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Fs from "node:fs"
import process from "node:process"
import { type Input, optionsOf, payloadOf, traceHeaderOf } from "./EmulateInput.ts"
import * as Environment from "./Environment.ts"
import * as Summary from "./summary/Summary.ts"
import * as SummaryCases from "./summary/SummaryCases.ts"
import * as SummaryText from "./summary/SummaryText.ts"
import * as SourceMap from "../layer/SourceMap.ts"
import * as Junit from "../report/Junit.ts"
import type { Run } from "../report/page/RunSection.ts"
import * as Disk from "../shared/Disk.ts"
import * as Terminal from "../shared/Terminal.ts"
import { fail } from "../shared/UserError.ts"

/** Gives the function that appends to the journal file; without a file it writes nothing. */
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
  invokeOptions: Emulator.InvokeOptions,
  timeoutSeconds: number
) {
  for (let number = 1; number <= count; number++) {
    const { requestId } = yield* emulator.invoke(payload, invokeOptions).pipe(
      // A managed instance refuses while no worker polls, and a worker polls again only after its last answer.
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

const located = (entry: Journal.JournalEntry, positions: SourceMap.Positions): Journal.JournalEntry =>
  entry._tag === "Output" ? { ...entry, line: positions.restore(entry.line) } : entry

// The page is loaded for those who ask for it.
const writeReport = (file: string, run: Run) =>
  Effect.flatMap(
    Effect.promise(() => import("../report/page/Page.ts")),
    (page) => page.write(file, { title: `effect-lambda emulate: ${run.name}`, runs: [run] })
  )

const environmentEnded = fail("the environment has ended and takes no more invocations")

export const run = Effect.fnUntraced(function* (input: Input) {
  if (input.json && input.logs) return yield* fail("give --json or --logs, not both: each says how the run is shown")
  const payload = yield* payloadOf(input)
  const invokeOptions = yield* traceHeaderOf(input)
  const { built, faults, names, options } = yield* optionsOf(input)
  if ([input.report, input.junit].some((file) => Option.isSome(file) && Option.contains(input.journal, file.value))) {
    return yield* fail("give --journal and each report its own file: one would replace the other")
  }
  yield* Disk.checkWritableAll([input.report, input.junit])
  const append = yield* openJournal(input.journal)
  const terminal = yield* Terminal.make
  const startedAt = yield* Clock.currentTimeMillis
  const summary = Summary.make({ faults, memorySize: input.memory })
  const positions = SourceMap.positionsBeside(built)
  const gone = yield* Deferred.make<never, CliError.UserError>()
  const wired = { ...options, wire: Option.isSome(input.report) }
  const { emulator, end, shown } = yield* Environment.start(wired, {
    terminal,
    names,
    portFlag: "--listen",
    format: input.json ? "json" : input.logs ? "logs" : "timeline",
    positions,
    onEntry: (entry) => {
      summary.add(entry)
      // A managed instance ends with its first failure, and takes no invocations after that.
      if (entry._tag === "ShutdownEnded" && !entry.reset) Deferred.doneUnsafe(gone, environmentEnded)
      return append(JSON.stringify(entry))
    }
  })

  const work = Option.match(input.invocations, {
    onNone: () => Effect.never,
    onSome: (count) =>
      Effect.catch(invokeAll(emulator, count, payload, invokeOptions, input.timeout), (error) =>
        Environment.explain(error)
      )
  })
  // The environment is shut down and the summary printed, whatever ends the work.
  const ended = Option.match(input.invocations, {
    onNone: () => terminal.ended,
    onSome: (count) =>
      Effect.flatMap(terminal.ended, (why) =>
        why === "output" ? Effect.void : fail(`the run was ended before all of its invocations (${count}) were done`)
      )
  })
  const outcome = yield* Effect.exit(Effect.raceAllFirst([work, ended, shown, Deferred.await(gone)]))
  yield* end

  const result = summary.result()
  yield* terminal.print(
    input.json ? JSON.stringify({ _tag: "Summary", ...result }) : SummaryText.render(result, input.strict)
  )
  const tell = input.json || input.logs ? terminal.tell : terminal.print
  if (Option.isSome(input.junit)) {
    const millis = (yield* Clock.currentTimeMillis) - startedAt
    const cases = SummaryCases.make(result, input.strict, millis)
    yield* Junit.write(input.junit.value, { name: `emulate ${names.join(", ")}`, cases })
    yield* tell(`report: ${input.junit.value}`)
  }
  if (Option.isSome(input.report)) {
    const journal = yield* emulator.journal.entries
    yield* writeReport(input.report.value, {
      name: names.join(", "),
      journal: positions === undefined ? journal : journal.map((entry) => located(entry, positions)),
      summary: result,
      initTimeoutMs: emulator.initTimeoutMs
    })
    yield* tell(`report: ${input.report.value}`)
  }
  const isAllFailed = result.invocations > 0 && result.failedInvocations === result.invocations
  const isWrong = result.problems.length > 0 || (input.strict && result.shortfalls.length > 0)
  if (isWrong || isAllFailed) process.exitCode = 1
  yield* outcome
}, Effect.scoped)
