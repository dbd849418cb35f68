/** The report of `bench:telemetry`, for the terminal and for docs/performance.md. */
import type { Options } from "../command.ts"
import { machine, markdown, type Table, text } from "../document.ts"
import { show, showRatio } from "../summary.ts"
import * as Sinks from "../sinks/round.ts"
import { chattyLines, eventsPerBatch } from "./batches.ts"
import type { Budget, BudgetRow, FloodResult, Result } from "./figures.ts"
import { turn, warmUp } from "./round.ts"

export const floodRounds = 3

/** The lives on LLRT, which are fewer and shorter, since each record takes several times as long there. */
export const llrtLives = ({ rounds, size }: Options) => ({
  rounds: Math.ceil(rounds / 3),
  batches: Math.ceil(size / 5)
})

const met = (budget: Budget | undefined) => (budget === undefined ? "" : budget.isMet ? "yes" : "NO")

const cells = (to: string, of: string, rows: ReadonlyArray<BudgetRow>): Table => [
  ["", to, of, "ratio", "budget", "met"],
  ...rows.map(({ budget, digits, label, of, ratio, to, unit }) => [
    label,
    show(to, digits, unit),
    show(of, digits, unit),
    showRatio(ratio),
    budget?.text ?? "",
    met(budget)
  ])
]

const receiverCells = ({ rows }: Result) => cells("raw-telemetry.cjs", "ours", rows)
/** The tables of LLRT; without an LLRT there are none. */
const llrtTables = ({ llrt: { receiver, sink } }: Result): ReadonlyArray<Table> =>
  receiver.length === 0
    ? []
    : [cells("receiver on Node", "receiver on LLRT", receiver), cells("http sink on Node", "http sink on LLRT", sink)]

const sinkCells = ({ sinks }: Result) => cells("http sink", "OTLP sinks", sinks)

const floodText = ({ dropped, peakMegabytes, quarterMegabytes, records, waiting }: FloodResult): string =>
  `A flood of ${records} records meets a consumer that never asks for a second batch: ${waiting} records wait, ${dropped} ` +
  `are dropped and counted. Peak memory is ${show(quarterMegabytes, 0, "MB")} after a quarter of the records, ` +
  `${show(peakMegabytes, 0, "MB")} after all.`

const floodCells = ({ budgets }: FloodResult): Table => [
  ["budget of the flood", "met"],
  ...budgets.map((budget) => [budget.text, met(budget)])
]

const notes = (options: Options, batchBytes: number): ReadonlyArray<string> => [
  `Medians of ${options.rounds} lives of ${options.size} batches each, after ${warmUp} that are not counted, in brackets the ` +
    `middle half; the flood: ${floodRounds} lives.`,
  `The servers of a round are up at the same time and get ${turn} batches in turn: both figures of a ratio come from the ` +
    "same moments. The ratios are taken round by round. The time that a server waited for a CPU, which other " +
    "programs of the machine had, is taken off.",
  `A batch is ${eventsPerBatch} events in ${Math.round(batchBytes / 1000)} KB: three quarters function logs (text and JSON), the rest ` +
    "platform.start, platform.runtimeDone and platform.report. A client on a kept-alive connection sends the next batch " +
    "when the batch before it is answered.",
  "raw-telemetry.cjs is packages/benchmark/fixtures/raw-telemetry.cjs: node:http and JSON.parse, and an answer after it. Ours is " +
    "NodeTelemetryListener and TelemetryReceiver, bundled by rolldown: every record decoded, queued, counted and taken by a stream.",
  `On LLRT: ${llrtLives(options).rounds} lives of ${llrtLives(options).batches} batches of the same programs, beside those on Node.`,
  `The sinks: packages/benchmark/src/entries/sink-http.ts and sink-otlp.ts as processes of their own, which get a batch of ` +
    `${Sinks.recordsPerBatch} records after the other, each with an invocation of ${chattyLines} lines. A turn is an invocation ` +
    `with ${Sinks.turn} batches, from its event to the next poll, when all records are at the backend, which only answers; ` +
    `${Sinks.warmUpTurns} turns are not counted. The accounting of each says that no record was lost. Neither compresses. The http ` +
    "sink sends the text that came; the OTLP sinks send three signals as protobuf.",
  "CPU is user and system time of all threads of the server, V8's included; 1 MB is 1,000,000 bytes."
]

export const toText = (result: Result, options: Options, batchBytes: number, more: ReadonlyArray<string>): string =>
  [
    text(receiverCells(result)),
    "",
    floodText(result.flood),
    "",
    text(floodCells(result.flood)),
    "",
    text(sinkCells(result)),
    "",
    ...llrtTables(result).flatMap((table) => [text(table), ""]),
    machine(),
    ...notes(options, batchBytes),
    ...more
  ].join("\n")

export const toMarkdown = (result: Result, options: Options, batchBytes: number, more: ReadonlyArray<string>): string =>
  [
    markdown(receiverCells(result)),
    "",
    floodText(result.flood),
    "",
    markdown(floodCells(result.flood)),
    "",
    "Whole extensions, from the telemetry of Lambda to a backend:",
    "",
    markdown(sinkCells(result)),
    "",
    ...llrtTables(result).flatMap((table) => [markdown(table), ""]),
    ...[...notes(options, batchBytes), ...more].map((note) => `- ${note}`)
  ].join("\n")
