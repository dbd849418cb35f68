/** The figures of `bench:otlp-in` with their budget, for the terminal and for docs/performance.md. */
import type { Options } from "../command.ts"
import type { Row } from "../compare.ts"
import { machine, markdown, type Table, text } from "../document.ts"
import { show, showRatio } from "../summary.ts"
import type { Load } from "./bodies.ts"
import { fewer, turn, warmUp } from "./round.ts"

/** The largest accepted ratio to the bare server, for protobuf that is not compressed. */
const mostCpu = 1.5

export interface Result {
  readonly rows: ReadonlyArray<Row & { readonly isMet: boolean | undefined }>
}

const kilobytes = ({ bytes }: Load) => (bytes / 1000).toFixed(bytes < 10_000 ? 1 : 0)

export const labelOf = (load: Load): string => `${load.encoding}, ${load.spans} spans, ${kilobytes(load)} KB`

export const resultOf = (loads: ReadonlyArray<Load>, rows: ReadonlyArray<Row>): Result => ({
  rows: rows.map((row) => {
    const hasBudget = loads.some((load) => load.encoding === "protobuf" && labelOf(load) === row.label)
    return { ...row, isMet: hasBudget ? row.ratio.median <= mostCpu : undefined }
  })
})

export const missed = ({ rows }: Result): ReadonlyArray<string> =>
  rows.filter(({ isMet }) => isMet === false).map(({ label }) => label)

const cells = ({ rows }: Result): Table => [
  ["CPU of a request", "raw-otlp-in.cjs", "ours", "ratio", "budget", "met"],
  ...rows.map(({ digits, isMet, label, of, ratio, to, unit }) => [
    label,
    show(to, digits, unit),
    show(of, digits, unit),
    showRatio(ratio),
    isMet === undefined ? "" : `≤ ${mostCpu.toFixed(2)}x`,
    isMet === undefined ? "" : isMet ? "yes" : "NO"
  ])
]

const notes = ({ rounds, size }: Options): ReadonlyArray<string> => [
  `Medians of ${rounds} rounds with ${size} requests of each kind, after ${warmUp} that are not counted, in brackets the middle ` +
    `half; of JSON a ${fewer}th of both. The two servers of a round are up at the same time and get ${turn} requests in turn; the ` +
    "ratios are taken round by round.",
  "A request is a batch of spans with eight attributes each, as an SDK sends it on a kept-alive connection: the spans of a " +
    "server, of clients and of a database. The size is that of the body as protobuf.",
  "raw-otlp-in.cjs is packages/benchmark/fixtures/raw-otlp-in.cjs: node:net alone, which reads the head and the body by their " +
    "lengths, holds the body in one piece, and looks at nothing. It does not undo gzip, and it does not read JSON. Ours is " +
    "OtlpReceiver, bundled by rolldown. Both give up what they hold when it is 4 MiB.",
  "CPU is user and system time of all threads of the server, V8's included. The client and the servers share one CPU, so that a " +
    "write never has to wake another one."
]

export const toText = (result: Result, options: Options): string =>
  [text(cells(result)), "", machine(), ...notes(options)].join("\n")

export const toMarkdown = (result: Result, options: Options): string =>
  [markdown(cells(result)), "", ...notes(options).map((note) => `- ${note}`)].join("\n")
