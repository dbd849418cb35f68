/** The self time of a CPU profile of Node, by the parts of a program. */
import { SourceMap } from "node:module"

/** A profile as `node --cpu-prof` writes it; times are in microseconds of the monotonic clock. */
export interface Profile {
  readonly nodes: ReadonlyArray<{
    readonly id: number
    readonly callFrame: {
      readonly functionName: string
      readonly url: string
      readonly lineNumber: number
      readonly columnNumber: number
    }
  }>
  readonly startTime: number
  readonly samples: ReadonlyArray<number>
  readonly timeDeltas: ReadonlyArray<number>
}

/** A part of a program: the functions in these modules or with these names. */
export interface Part {
  readonly label: string
  /** Matches `module function`, such as `node:net Socket` or `packages/extension/src/Deadline.ts attempt`. */
  readonly is: RegExp
}

/** The module of a place in a bundle; empty if the map does not know it. */
export type ModuleAt = (line: number, column: number) => string

/** @param map the text of the source map of the bundle */
export const moduleAt = (map: string): ModuleAt => {
  const sourceMap = new SourceMap(JSON.parse(map))
  return (line, column) => {
    const entry = sourceMap.findEntry(line, column)
    return "originalSource" in entry ? entry.originalSource : ""
  }
}

/** A sample counts until the next one. V8 gives its own work, such as collecting garbage, to nodes without a URL. */
const forEachSample = (
  { nodes, samples, startTime, timeDeltas }: Profile,
  visit: (frame: Profile["nodes"][number]["callFrame"], at: number, micros: number) => void
) => {
  const frames = new Map(nodes.map(({ callFrame, id }) => [id, callFrame]))
  let at = startTime
  samples.forEach((id, index) => {
    at += timeDeltas[index] ?? 0
    const frame = frames.get(id)
    if (frame !== undefined) visit(frame, at, timeDeltas[index + 1] ?? 0)
  })
}

/**
 * The microseconds of each part between two moments. A function belongs to the first part that matches it, and to `other` if none
 * does. The time in which the process waits does not count.
 *
 * @param of the module of a place in the bundle
 */
export const timeByPart = (
  profile: Profile,
  of: ModuleAt,
  parts: ReadonlyArray<Part>,
  { from, to }: { readonly from: number; readonly to: number }
): ReadonlyMap<string, number> => {
  const times = new Map([...parts.map(({ label }) => label), "other"].map((label) => [label, 0]))
  forEachSample(profile, ({ columnNumber, functionName, lineNumber, url }, at, micros) => {
    if (at < from || at > to || functionName === "(idle)") return
    const module = url === "" || url.startsWith("node:") ? url : of(lineNumber, columnNumber)
    const label = parts.find(({ is }) => is.test(`${module} ${functionName}`))?.label ?? "other"
    times.set(label, (times.get(label) ?? 0) + micros)
  })
  return times
}
