/** Renders each trace as a tree with the lines of its log, and the metrics as a table. */
import type { Log, Point, Span } from "./Decode.ts"

const milliseconds = (from: bigint, to: bigint): string => (Number(to - from) / 1_000_000).toFixed(1)

const byStart = (a: Span, b: Span): number => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0)

const textOf = (value: unknown): string => (typeof value === "string" ? value.trimEnd() : JSON.stringify(value))

const lineOf = (log: Log): string => `${log.severity || "-"} ${textOf(log.body)}`

/** The lines of a span, of its log, and of its children. */
const branch = (
  span: Span,
  depth: number,
  all: { spans: ReadonlyArray<Span>; logs: ReadonlyArray<Log>; from: bigint }
) => {
  const indent = "  ".repeat(depth)
  const at = milliseconds(all.from, span.start).padStart(9)
  const took = milliseconds(span.start, span.end).padStart(9)
  const failed = span.isError ? "  ERROR" : ""
  const lines = [`${at} ${took}  ${indent}${span.name}  ${span.kind}, ${span.scope}${failed}`]
  for (const log of all.logs) {
    if (log.spanId === span.spanId) lines.push(`${" ".repeat(21)}${indent}  | ${lineOf(log)}`)
  }
  for (const child of all.spans.filter(({ parentSpanId }) => parentSpanId === span.spanId).toSorted(byStart)) {
    lines.push(...branch(child, depth + 1, all))
  }
  return lines
}

/** Renders a tree for each trace, in the order in which they began. */
export const trees = (spans: ReadonlyArray<Span>, logs: ReadonlyArray<Log>): ReadonlyArray<string> => {
  const traces = Map.groupBy(spans.toSorted(byStart), ({ traceId }) => traceId)
  return [...traces].flatMap(([traceId, ofTrace]) => {
    const known = new Set(ofTrace.map(({ spanId }) => spanId))
    const roots = ofTrace.filter(({ parentSpanId }) => !known.has(parentSpanId))
    const from = ofTrace[0]?.start ?? 0n
    const all = { spans: ofTrace, logs: logs.filter((log) => log.traceId === traceId), from }
    return [`trace ${traceId}`, "    at ms  took ms"].concat(
      roots.flatMap((root) => branch(root, 0, all)),
      ""
    )
  })
}

/** A row for each metric: how many points it has, and their sum, minimum and maximum. */
export const table = (points: ReadonlyArray<Point>): ReadonlyArray<string> => {
  const metrics = Map.groupBy(points, ({ name }) => name)
  const rows = [...metrics]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([name, ofMetric]) => {
      const last = ofMetric.at(-1)
      const sum = last?.isCumulative === true ? last.sum : ofMetric.reduce((total, point) => total + point.sum, 0)
      const bounds = ofMetric.flatMap(({ max, min }) => [min, max]).filter((value) => value !== undefined)
      const [first] = ofMetric
      return [
        name,
        first?.kind ?? "",
        first?.unit ?? "",
        String(ofMetric.reduce((total, { count }) => total + count, 0)),
        String(Number(sum.toFixed(6))),
        bounds.length === 0 ? "" : `${Math.min(...bounds)} .. ${Math.max(...bounds)}`
      ]
    })
  const all = [["metric", "kind", "unit", "values", "sum", "min .. max"], ...rows]
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? []
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd()
  )
}

/** The message of a line of the extension's log. */
export const messageOf = (line: string): string => {
  const record: unknown = JSON.parse(line)
  return String(Reflect.get(Object(record), "message"))
}
