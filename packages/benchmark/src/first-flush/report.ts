/** The report of `bench:first-flush`, for the terminal and for docs/performance.md. */
import type { Options } from "../command.ts"
import { machine, markdown, type Table, text } from "../document.ts"
import { show, showRatio } from "../summary.ts"
import { type Result, schemes } from "./figures.ts"

/** The tables of a run. */
export interface Results {
  readonly node: Result
  readonly bun: Result | undefined
}

const title = (scheme: string, runtime: string) =>
  `Over ${scheme.toUpperCase()}${scheme === "https" ? ", with a new TLS connection" : ""}, on ${runtime}`

const cells = (result: Result, scheme: (typeof schemes)[number], hasBudgets: boolean): Table => [
  ["", "fetch", "our client", "ratio", ...(hasBudgets ? ["budget", "met"] : [])],
  ...result[scheme].map(({ budget, digits, label, of, ratio, to, unit }) => [
    label,
    show(to, digits, unit),
    show(of, digits, unit),
    showRatio(ratio),
    ...(hasBudgets ? [budget?.text ?? "", budget === undefined ? "" : budget.isMet ? "yes" : "NO"] : [])
  ])
]

const tables = ({ bun, node }: Results): ReadonlyArray<readonly [string, Table]> => [
  ...schemes.map((scheme) => [title(scheme, "Node"), cells(node, scheme, true)] as const),
  ...(bun === undefined ? [] : schemes.map((scheme) => [title(scheme, "bun"), cells(bun, scheme, false)] as const))
]

const notes = ({ rounds, size }: Options, { bun }: Results): ReadonlyArray<string> => [
  `Medians of ${rounds} lives, in brackets the middle half. Each life has its process; the lives of all programs take turns, ` +
    "and the ratios are taken round by round.",
  `A life: the layer starts, gets an invocation and ${size} function logs, rests, and learns that the function has ended. Then it ` +
    "flushes all records by gzip in one request, and polls. The CPU of the flush is that between the rest and the poll. " +
    "The time contains the 25 ms in which the layer waits for more records.",
  "The layers are made of packages/examples/telemetry-ship by `effect-lambda build`; that over fetch has `FetchHttpClient.layer` " +
    "beside it. The endpoints are servers of Node on this machine, and a name is looked up. CPU is that of all threads. " +
    "Memory is the resident memory (Rss) at the poll; the peak is the largest until then.",
  bun === undefined
    ? "This machine has no bun."
    : "On bun our client is `SinkHttpClient.layer`; the default there is bun's own fetch."
]

export const toText = (results: Results, options: Options): string =>
  [...tables(results).flatMap(([head, table]) => [head, text(table), ""]), machine(), ...notes(options, results)].join(
    "\n"
  )

export const toMarkdown = (results: Results, options: Options): string =>
  [
    ...tables(results).flatMap(([head, table]) => [`${head}:`, "", markdown(table), ""]),
    ...notes(options, results).map((note) => `- ${note}`)
  ].join("\n")
