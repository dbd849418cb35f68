/**
 * The drawing of one phase: a column of the axis with all lanes, as SVG. Each phase has its own scale, so that an
 * invocation of 5 ms can be seen beside an init of 2 s.
 *
 * @since 0.1.0
 */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import * as Timeline from "@effect-lambda/emulator/Timeline"
import type { Bar, BarKind, Lane, Mark, MarkKind } from "./Lanes.ts"
import { count, cut, digits, duration, html, moment, type Html } from "./Markup.ts"
import type { Phase } from "./Phases.ts"

/**
 * The heights of the drawing, in pixels; the stylesheet has the same for the names of the lanes.
 *
 * @category constants
 * @since 0.1.0
 */
export const heights = { axis: 22, lane: 48 }

const padding = 10
/** Marks of one kind that are nearer than this are drawn as one. */
const nearest = 7

/**
 * The bars and marks of one lane in one phase.
 *
 * @category models
 * @since 0.1.0
 */
export interface Part {
  readonly lane: Lane
  readonly bars: ReadonlyArray<Bar>
  readonly marks: ReadonlyArray<Mark>
}

/**
 * Gives each phase its part of each lane.
 *
 * @category constructors
 * @since 0.1.0
 */
export const partsOf = (
  phases: ReadonlyArray<Phase>,
  lanes: ReadonlyArray<Lane>
): ReadonlyMap<Phase, ReadonlyArray<Part>> => {
  const parts = new Map(
    phases.map((phase) => [phase, lanes.map((lane) => ({ lane, bars: new Array<Bar>(), marks: new Array<Mark>() }))])
  )
  lanes.forEach((lane, row) => {
    let index = 0
    for (const mark of lane.marks) {
      while (mark.position >= (phases[index]?.end ?? Infinity)) index++
      const phase = phases[index]
      if (phase !== undefined) parts.get(phase)?.[row]?.marks.push(mark)
    }
    let start = 0
    for (const bar of lane.bars) {
      while ((phases[start]?.to ?? Infinity) < bar.from) start++
      for (let at = start; (phases[at]?.from ?? Infinity) <= bar.to; at++) {
        const phase = phases[at]
        // A bar that only touches the phase is told by its neighbour.
        if (phase !== undefined && isIn(bar, phase)) parts.get(phase)?.[row]?.bars.push(bar)
      }
    }
  })
  return parts
}

/** The bar shares time with the phase; or it has no length, and one of its entries is in the phase. */
const isIn = (bar: Bar, phase: Phase): boolean =>
  bar.from === bar.to
    ? bar.positions.some((position) => position >= phase.first && position < phase.end)
    : Math.min(bar.to, phase.to) > Math.max(bar.from, phase.from)

/** A freeze, and a time in which every process only waits. */
const isCut = (phase: Phase, parts: ReadonlyArray<Part>): boolean =>
  phase.kind === "frozen" ||
  (phase.kind === "idle" &&
    parts.every(({ bars, marks }) => marks.length === 0 && bars.every(({ kind }) => kind === "wait")))

const widthOf = (phase: Phase, parts: ReadonlyArray<Part>): number => {
  const crowded = Math.max(...parts.map(({ marks }) => marks.length)) * (nearest + 1)
  const byTime = 124 + 70 * Math.log10(1 + (phase.to - phase.from) / 5)
  return Math.round(Math.min(520, Math.max(byTime, crowded + 2 * padding)))
}

const barWords: Readonly<Record<BarKind, string>> = {
  init: "starts",
  work: "works",
  held: "holds the invocation open",
  after: "has responded, not yet at next",
  wait: "waits in next",
  lost: "its event is lost",
  shutdown: "shuts down"
}

const markWords: Readonly<Record<MarkKind, string>> = {
  log: "log line",
  warn: "warning",
  error: "error in the log",
  fault: "fault",
  bad: "failure",
  note: "moment",
  delivered: "delivery"
}

/** Each kind has its own shape, so that no kind is told by its colour alone. */
const shapes: Readonly<Record<MarkKind, string>> = {
  log: "M-1.5 -5h3v10h-3z",
  warn: "M0 -6L6 5H-6z",
  error: "M-6 -3.5L-3.5 -6L0 -2.5L3.5 -6L6 -3.5L2.5 0L6 3.5L3.5 6L0 2.5L-3.5 6L-6 3.5L-2.5 0z",
  fault: "M2 -8L-5 1.5H-0.5L-2 8L5 -1.5H0.5z",
  bad: "M-6 -3.5L-3.5 -6L0 -2.5L3.5 -6L6 -3.5L2.5 0L6 3.5L3.5 6L0 2.5L-3.5 6L-6 3.5L-2.5 0z",
  note: "M0 -5.5L5.5 0L0 5.5L-5.5 0z",
  delivered: "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z"
}

const isLogKind = (kind: MarkKind) => kind === "log" || kind === "warn" || kind === "error"

/** Steps of 1, 2 or 5, at least 56 pixels apart. */
const stepOf = (span: number, width: number): number => {
  const least = (span * 56) / width
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)))
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least) ?? power * 10
}

interface Context {
  readonly phase: Phase
  readonly width: number
  readonly height: number
  readonly journal: ReadonlyArray<JournalEntry>
  readonly start: number
  readonly x: (at: number) => number
}

const round = (pixels: number): number => Math.round(pixels * 10) / 10

const ticksOf = ({ height, phase, width, x }: Context): ReadonlyArray<Html> => {
  const span = phase.to - phase.from
  const step = stepOf(span, width - 2 * padding)
  const ticks: Array<Html> = []
  for (let offset = 0; offset <= span; offset += step) {
    const left = round(x(phase.from + offset))
    const isLast = left > width - 34
    ticks.push(
      html`<path class="tick" d="M${left} ${heights.axis - 5}V${height}" /><text
          class="tick"
          x="${isLast ? width - 4 : left + 3}"
          y="13"
          ${isLast ? html` text-anchor="end"` : undefined}
          >${digits(offset)}</text
        >`
    )
  }
  return ticks
}

const itemOf = (options: {
  readonly name: string
  readonly positions: ReadonlyArray<number>
  readonly markup: Html
  readonly row: number
}): Html =>
  html`<g
    class="item"
    role="button"
    tabindex="-1"
    data-e="${options.positions.join(" ")}"
    data-l="${options.row}"
    aria-label="${options.name}"
    ><title>${options.name}</title>${options.markup}</g
  >`

const barOf = (context: Context, bar: Bar, lane: Lane, row: number, top: number): Html => {
  const { phase, x } = context
  const from = Math.max(bar.from, phase.from)
  const to = Math.min(bar.to, phase.to)
  const left = round(x(from))
  const width = round(Math.max(2, x(to) - x(from)))
  const isThin = bar.kind === "wait"
  const time = duration(bar.to - bar.from)
  const words = lane.role === "platform" ? platformWords(bar.kind, phase) : barWords[bar.kind]
  const short = lane.role === "platform" && bar.kind === "work" ? "until the response" : words
  const label = [`${short} ${time}`, short, time].find((text) => text.length * 6.3 + 6 < width)
  const y = isThin ? top + 24 : top + 17
  const height = isThin ? 3 : 17
  const text =
    isThin || label === undefined
      ? undefined
      : html`<text class="in ${bar.kind}" x="${left + 4}" y="${top + 29.5}">${label}</text>`
  const hatch =
    bar.kind === "held" || bar.kind === "lost"
      ? html`<rect class="hatch" x="${left}" y="${y}" width="${width}" height="${height}" rx="2" fill="url(#hatch)" />`
      : undefined
  return itemOf({
    name: `${lane.title} ${words}, ${time}`,
    positions: bar.positions,
    row,
    markup: html`<rect
        class="bar ${bar.kind}"
        x="${left}"
        y="${y}"
        width="${width}"
        height="${height}"
        rx="2"
      />${hatch}${text}`
  })
}

const platformWords = (kind: BarKind, phase: Phase): string => {
  if (kind === "held") return "held open"
  if (kind === "shutdown") return phase.title === "Reset" ? "reset" : "shutdown"
  return kind === "init" ? "init" : "until the response"
}

/** The marks of one kind that are near each other, as one with their number. */
const groupsOf = (marks: ReadonlyArray<Mark>, x: Context["x"]): ReadonlyArray<ReadonlyArray<Mark>> => {
  const groups: Array<Array<Mark>> = []
  const open = new Map<MarkKind, Array<Mark>>()
  for (const mark of marks) {
    const group = open.get(mark.kind)
    const first = group?.[0]
    if (group !== undefined && first !== undefined && x(mark.at) - x(first.at) < nearest) {
      group.push(mark)
      continue
    }
    const made = [mark]
    open.set(mark.kind, made)
    groups.push(made)
  }
  return groups
}

const marksOf = (context: Context, part: Part, row: number, top: number): ReadonlyArray<Html> => {
  const { journal, start, x } = context
  /** The right end of what is drawn in each of the two rows of marks. */
  const taken = { log: 0, other: 0 }
  return groupsOf(part.marks, x).map((marks) => {
    const [first] = marks
    const entry = journal[first?.position ?? 0]
    if (first === undefined || entry === undefined) return html``
    const line = isLogKind(first.kind) ? "log" : "other"
    const left = round(Math.max(x(first.at), taken[line] + (first.kind === "log" ? 4 : 9)))
    taken[line] = left + (first.kind === "log" ? 2 : 5)
    const told = cut(Timeline.textOf(entry).replace(/^FAULT |^\| /gm, ""), 200)
    const what =
      marks.length === 1
        ? `${markWords[first.kind]}: ${told}`
        : `${count(marks.length, markWords[first.kind])}, the first: ${told}`
    return itemOf({
      name: `${part.lane.title}, ${moment(entry.at - start)}, ${what}`,
      positions: marks
        .slice(0, 50)
        .flatMap(({ position, wire }) => (wire === undefined ? [position] : [position, wire])),
      row,
      markup: html`<path
        class="mark ${first.kind}"
        d="${shapes[first.kind]}"
        transform="translate(${left} ${top + (line === "log" ? 42 : 8)})"
      />`
    })
  })
}

const statusOf = (phase: Phase): Html | undefined => {
  if (phase.status === "" || phase.kind === "idle" || phase.kind === "frozen") return undefined
  if (phase.kind === "shutdown") return html`<span>${phase.status}</span>`
  return phase.status === "success"
    ? html`<span class="ok">✓ ok</span>`
    : html`<span class="no">✕ ${phase.status}</span>`
}

const cutColumn = (context: Context): Html => {
  const { height, phase, width } = context
  return html`<path
      class="cut"
      d="M${width / 2 - 5} ${heights.axis}V${height}M${width / 2 + 5} ${heights.axis}V${height}"
    />
    <text class="cut" x="${width / 2}" y="13" text-anchor="middle">${phase.kind === "frozen" ? "❄" : "⋯"}</text>`
}

/**
 * Draws a phase.
 *
 * @param options.prefix the beginning of the identifiers in it
 * @param options.start the start of the run
 * @category rendering
 * @since 0.1.0
 */
export const draw = (options: {
  readonly phase: Phase
  readonly parts: ReadonlyArray<Part>
  readonly journal: ReadonlyArray<JournalEntry>
  readonly prefix: string
  readonly start: number
}): Html => {
  const { journal, parts, phase, prefix, start } = options
  const isNarrow = isCut(phase, parts)
  const width = isNarrow ? 52 : widthOf(phase, parts)
  const span = phase.to - phase.from
  const x = (at: number) =>
    span === 0 || isNarrow ? width / 2 : padding + ((at - phase.from) / span) * (width - 2 * padding)
  const height = heights.axis + parts.length * heights.lane
  const context: Context = { phase, width, height, journal, start, x }
  const deadline = phase.deadline === undefined || phase.deadline < phase.from ? undefined : phase.deadline
  const limit = deadline === undefined ? undefined : html` of ${duration(deadline - phase.from)}`
  const rows = parts.map((part, row) => {
    const top = heights.axis + row * heights.lane
    const bars = isNarrow ? [] : part.bars.map((bar) => barOf(context, bar, part.lane, row, top))
    return html`${bars}${marksOf(context, part, row, top)}`
  })
  const line =
    deadline === undefined || deadline > phase.to
      ? undefined
      : html`<path class="deadline" d="M${round(x(deadline))} ${heights.axis - 6}V${height}" />`
  return html`<li class="column ${phase.kind}${isNarrow ? " narrow" : ""}" id="${prefix}p${phase.first}">
    <h4>${phase.title}</h4>
    <p>${duration(span)}${limit}</p>
    <p>
      ${statusOf(phase)}${isNarrow ? undefined : html` <span class="since">at ${moment(phase.from - start)}</span>`}
    </p>
    <svg width="${width}" height="${height}" role="group" aria-label="${phase.title}">
      ${isNarrow ? cutColumn(context) : ticksOf(context)}${line}${rows}
    </svg>
  </li>`
}
