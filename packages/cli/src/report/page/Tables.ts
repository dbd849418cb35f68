/**
 * The facts of a run as tables, which can be read without a script.
 *
 * @since 0.1.0
 */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import * as Timeline from "@effect-lambda/emulator/Timeline"
import type { Summary } from "../../emulate/summary/Summary.ts"
import type { Invocation } from "./Invocations.ts"
import { laneOf, titleOf } from "./Lanes.ts"
import { count, cut, digits, duration, html, moment, type Html } from "./Markup.ts"
import type { Phase } from "./Phases.ts"
import * as TelemetryFlow from "./TelemetryFlow.ts"

/**
 * A link to the place of an entry on the axis.
 *
 * @category models
 * @since 0.1.0
 */
export type Link = (position: number, text: Html | string) => Html

/**
 * The records of telemetry that reached the backend that a scenario gave to the extension.
 *
 * @category models
 * @since 0.1.0
 */
export interface SinkCounts {
  readonly requests: number
  readonly bytes: number
  /** The lines of the function that it took, each counted once. */
  readonly lines: number
}

const time = (millis: number | undefined): string => (millis === undefined ? "–" : duration(millis))

/** A table that scrolls by itself when it is wider than the page. */
const table = (label: string, head: ReadonlyArray<string>, rows: ReadonlyArray<Html>): Html =>
  html`<div class="scroll" role="group" aria-label="${label}" tabindex="0">
    <table>
      <thead>
        <tr>
          ${head.map((text) => html`<th scope="col">${text}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`

const more = (left: number, noun: string): Html | undefined =>
  left > 0
    ? html`<p class="muted">${count(left, noun)} more are not listed; the journal (--journal) has them.</p>`
    : undefined

/**
 * The figures of each extension.
 *
 * @category rendering
 * @since 0.1.0
 */
export const extensions = ({ extensions }: Summary): Html =>
  extensions.length === 0
    ? html`<p class="muted">No extension ran.</p>`
    : table(
        "Extensions",
        ["extension", "register", "ready", "longest held open", "shutdown", "peak memory"],
        extensions.map(
          ({ heldOpenMs, name, peakMemoryMb, readyMs, registerMs, shutdownMs }) =>
            html`<tr>
              <th scope="row">${cut(name, 80)}</th>
              <td>${time(registerMs)}</td>
              <td>${time(readyMs)}</td>
              <td>${time(heldOpenMs)}</td>
              <td>${time(shutdownMs)}</td>
              <td>${peakMemoryMb === undefined ? "–" : `${digits(peakMemoryMb)} MB`}</td>
            </tr>`
        )
      )

const phaseNames: Readonly<Record<Phase["kind"], string>> = {
  init: "Init",
  restore: "Restore",
  invoke: "Invocations",
  shutdown: "Shutdown and reset",
  frozen: "Frozen",
  idle: "Between, not frozen"
}

/**
 * How the time of the run is divided among the kinds of phases.
 *
 * @category rendering
 * @since 0.1.0
 */
export const phases = (phases: ReadonlyArray<Phase>): Html => {
  const kinds = [...new Set(phases.map(({ kind }) => kind))]
  return table(
    "Phases",
    ["phase", "how often", "together", "longest", "not ended well"],
    kinds.map((kind) => {
      const same = phases.filter((phase) => phase.kind === kind)
      const times = same.map(({ from, to }) => to - from)
      const failed = kind === "shutdown" ? [] : same.filter(({ status }) => status !== "" && status !== "success")
      const how = [...new Set(failed.map(({ status }) => status))].join(", ")
      const sum = times.reduce((total, millis) => total + millis, 0)
      return html`<tr>
        <th scope="row">${phaseNames[kind]}</th>
        <td>${digits(same.length)}</td>
        <td>${time(sum)}</td>
        <td>${time(Math.max(...times))}</td>
        <td>${failed.length === 0 ? "–" : html`<span class="no">✕ ${digits(failed.length)} (${how})</span>`}</td>
      </tr>`
    })
  )
}

/** The parts of the timeout as a bar: response, held open, left. */
const budget = ({ deadlineMs, doneAt, respondedAt, startedAt }: Invocation): Html => {
  const width = 140
  const limit = Math.max(1, deadlineMs - startedAt)
  const x = (at: number) => Math.round(Math.min(1, Math.max(0, (at - startedAt) / limit)) * width * 10) / 10
  const end = x(doneAt ?? startedAt)
  const response = Math.min(end, x(respondedAt ?? doneAt ?? startedAt))
  return html`<svg class="budget" width="${width}" height="12" aria-hidden="true">
    <rect class="left" width="${width}" height="12" />
    <rect class="bar work" width="${response}" height="12" />
    <rect class="bar held" x="${response}" width="${end - response}" height="12" />
    <rect x="${response}" width="${end - response}" height="12" fill="url(#hatch)" />
  </svg>`
}

const invocationRow = (invocation: Invocation, link: Link): Html => {
  const { deadlineMs, doneAt, errorType, heldBy, maxMemoryBytes, number, requestId, respondedAt, startedAt, status } =
    invocation
  const total = doneAt === undefined ? undefined : doneAt - startedAt
  const held = doneAt === undefined || respondedAt === undefined ? undefined : doneAt - respondedAt
  const share = total === undefined ? "–" : `${Math.round((1000 * total) / Math.max(1, deadlineMs - startedAt)) / 10} %`
  const how =
    status === "success"
      ? html`<span class="ok">✓ ok</span>`
      : html`<span class="no">✕ ${status}${errorType === undefined ? "" : `: ${cut(errorType, 100)}`}</span>`
  return html`<tr>
    <th scope="row">${link(invocation.position, String(number))}</th>
    <td>${how}</td>
    <td>${time(respondedAt === undefined ? undefined : respondedAt - startedAt)}</td>
    <td>${time(held)}${held === undefined || held === 0 || heldBy === undefined ? "" : ` by ${cut(heldBy, 60)}`}</td>
    <td>${time(total)}</td>
    <td>${budget(invocation)}</td>
    <td>${share} of ${duration(deadlineMs - startedAt)}</td>
    <td>${maxMemoryBytes === undefined ? "–" : `${Math.round(maxMemoryBytes / 1_048_576)} MB`}</td>
    <td><code>${cut(requestId, 60)}</code></td>
  </tr>`
}

/**
 * The budget of each invocation: those that did not end well, and the first ones up to `most` rows.
 *
 * @category rendering
 * @since 0.1.0
 */
export const invocations = (all: ReadonlyArray<Invocation>, link: Link, most: number): Html => {
  if (all.length === 0) return html`<p class="muted">The function was not invoked.</p>`
  const failed = new Set(all.filter(({ status }) => status !== "success").slice(0, Math.ceil(most / 2)))
  const others = new Set(all.filter((invocation) => !failed.has(invocation)).slice(0, most - failed.size))
  const shown = all.filter((invocation) => failed.has(invocation) || others.has(invocation))
  return html`${table(
    "Invocations",
    ["#", "ended", "response", "held open", "whole", "budget", "of the timeout", "memory", "request"],
    shown.map((invocation) => invocationRow(invocation, link))
  )}${more(all.length - shown.length, "invocation")}`
}

/** A count, and in red by how much it differs from the one before. */
const step = (label: string, value: number, before: number | undefined, why: string): Html => {
  const difference = before === undefined ? 0 : value - before
  const told =
    difference === 0
      ? undefined
      : html` <strong class="no"
          >✕ ${difference < 0 ? "−" : "+"}${digits(Math.abs(difference))}${why === "" ? "" : `: ${why}`}</strong
        >`
  return html`<li><span class="number">${digits(value)}</span> <span>${label}${told}</span></li>`
}

const flowOf = ({ batches, delivered, dropped, failedAttempts, name, reasons, said }: TelemetryFlow.Flow): Html => {
  const why = [...reasons]
    .slice(0, 3)
    .map((reason) => cut(reason, 200))
    .join("; ")
  const emitted = delivered + dropped
  const retries = failedAttempts === 0 ? "" : `, after ${count(failedAttempts, "attempt")} that failed`
  const own =
    said === undefined
      ? html`<li class="muted">The extension says nothing of what it did with them.</li>`
      : html`${step("received, as the extension counts", said.received, delivered, "")}
        ${step("decoded", said.received - said.undecodable, said.received, "undecodable")}
        ${step("offered to its sinks", said.offered, undefined, "")}
        ${step("taken by its sinks", said.delivered, said.offered, said.lost > 0 ? `${digits(said.lost)} dropped or unsent` : "still waiting")}`
  return html`<div class="flow">
    <h4>${name}</h4>
    <ol>
      ${step("emitted for it", emitted, undefined, "")}
      ${step(`delivered to its listener in ${batches === 1 ? "1 batch" : `${digits(batches)} batches`}${retries}`, delivered, emitted, why)}
      ${own}
    </ol>
  </div>`
}

/** What the function printed, and what of it came to the sink, if an extension hears the function at all. */
const linesOf = ({ heard, lines }: TelemetryFlow.Printed, sink: SinkCounts): Html =>
  html`<div class="flow">
    <h4>At the sink</h4>
    <ol>
      ${step("requests", sink.requests, undefined, "")} ${step("bytes", sink.bytes, undefined, "")}
      ${heard ? step("lines of the function printed", lines, undefined, "") : undefined}
      ${heard ? step("lines of the function taken", sink.lines, lines, "") : undefined}
    </ol>
  </div>`

/**
 * The way of telemetry as counts.
 *
 * @category rendering
 * @since 0.1.0
 */
export const telemetry = (journal: ReadonlyArray<JournalEntry>, sink: SinkCounts | undefined): Html => {
  const flows = TelemetryFlow.of(journal)
  if (flows.length === 0 && sink === undefined) {
    return html`<p class="muted">No extension subscribed to telemetry.</p>`
  }
  return html`<div class="flows">
    ${flows.map(flowOf)}${sink === undefined ? undefined : linesOf(TelemetryFlow.printed(journal), sink)}
  </div>`
}

const levelOf = (text: string): string =>
  /^(ERROR|FATAL)\b/.test(text) ? " no" : /^WARN\b/.test(text) ? " warned" : ""

/**
 * The lines of the processes. When there are more than `most`, the first and the last ones are shown.
 *
 * @category rendering
 * @since 0.1.0
 */
export const log = (journal: ReadonlyArray<JournalEntry>, start: number, link: Link, most: number): Html => {
  const lines = journal.flatMap((entry, position) => (entry._tag === "Output" ? [{ entry, position }] : []))
  if (lines.length === 0) return html`<p class="muted">No process printed a line.</p>`
  const isAll = lines.length <= most
  const head = isAll ? lines : lines.slice(0, Math.ceil(most * 0.7))
  const tail = isAll ? [] : lines.slice(-Math.floor(most * 0.3))
  const row = ({ entry, position }: (typeof lines)[number]) => {
    const text = cut(Timeline.textOf(entry).replace(/^\| /gm, ""), 600)
    return html`<li class="line" data-w="${titleOf(laneOf(entry))}">
      ${link(position, moment(entry.at - start))} <span class="who">${titleOf(laneOf(entry))}</span>
      <span class="text${levelOf(text)}">${text}</span>
    </li>`
  }
  const left = lines.length - head.length - tail.length
  const gap = left > 0 ? html`<li class="muted">… ${count(left, "line")} not shown …</li>` : undefined
  return html`<ol class="log" tabindex="0" aria-label="Log lines">
    ${head.map(row)}${gap}${tail.map(row)}
  </ol>`
}
