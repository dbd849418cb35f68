import { machine, markdown, type Table, text, writeSection } from "../document.ts"
import { show } from "../summary.ts"
import { eventsPerBatch } from "./batches.ts"
import type { Budget, Flood, Result, Row } from "./figures.ts"
import { command, floodRounds, type Options } from "./options.ts"

const met = (budget: Budget | undefined) => (budget === undefined ? "" : budget.isMet ? "yes" : "NO")

const cells = (rows: ReadonlyArray<Row>): Table => [
  ["", "raw-telemetry.cjs", "ours", "ratio", "budget", "met"],
  ...rows.map(({ budget, digits, label, ours, ratio, raw, unit }) => [
    label,
    show(raw, digits, unit),
    show(ours, digits, unit),
    `${ratio.toFixed(2)}x`,
    budget?.text ?? "",
    met(budget)
  ])
]

const floodText = ({ dropped, peakMegabytes, quarterMegabytes, records, waiting }: Flood): string =>
  `A flood of ${records} records at a consumer that never asks for a second batch: ${waiting} wait, ${dropped} are ` +
  `dropped and counted; peak memory ${show(quarterMegabytes, 0, "MB")} after a quarter of them, ` +
  `${show(peakMegabytes, 0, "MB")} after all.`

const floodCells = ({ budgets }: Flood): Table => [
  ["budget of the flood", "met"],
  ...budgets.map((budget) => [budget.text, met(budget)])
]

const notes = (options: Options, batchBytes: number): ReadonlyArray<string> => [
  `Medians (min–max) of ${options.rounds} lives of ${options.batches} batches each, after 100 that are not counted; ` +
    `the flood: ${floodRounds} lives. One process per life, all interleaved in one run.`,
  `A batch is ${eventsPerBatch} events in ${Math.round(batchBytes / 1000)} KB: three quarters function logs (text and JSON), the rest ` +
    "platform.start, platform.runtimeDone and platform.report. One client on one kept-alive connection sends the next " +
    "batch when the one before it is answered.",
  "raw-telemetry.cjs is packages/benchmark/fixtures/raw-telemetry.cjs: node:http and JSON.parse, answered after it. Ours is " +
    "NodeTelemetryListener and TelemetryReceiver, bundled by rolldown: every record decoded, queued, counted and taken by a stream.",
  "CPU is user and system time of all threads of the server, V8's included; 1 MB is 1,000,000 bytes."
]

export const toText = (result: Result, options: Options, batchBytes: number): string =>
  [
    text(cells(result.rows)),
    "",
    floodText(result.flood),
    "",
    text(floodCells(result.flood)),
    "",
    machine(),
    ...notes(options, batchBytes)
  ].join("\n")

export const writeDocument = (result: Result, options: Options, batchBytes: number): Promise<void> =>
  writeSection(
    "telemetry",
    [
      `\`${command(options)}\`, ${new Date().toISOString().slice(0, 10)}, ${machine()}`,
      "",
      markdown(cells(result.rows)),
      "",
      floodText(result.flood),
      "",
      markdown(floodCells(result.flood)),
      "",
      ...notes(options, batchBytes).map((note) => `- ${note}`)
    ].join("\n")
  )
