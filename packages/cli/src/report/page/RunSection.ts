/**
 * The part of the page that shows one run: problems, chart, log and tables.
 *
 * @since 0.1.0
 */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import type { Summary } from "../../emulate/summary/Summary.ts"
import * as Column from "./Column.ts"
import * as Columns from "./Columns.ts"
import * as Details from "./Details.ts"
import * as Invocations from "./Invocations.ts"
import * as Lanes from "./Lanes.ts"
import { count, digits, duration, html, type Html } from "./Markup.ts"
import * as Phases from "./Phases.ts"
import * as Problems from "./Problems.ts"
import * as Tables from "./Tables.ts"

/**
 * What a scenario says of its target.
 *
 * @category models
 * @since 0.1.0
 */
export interface Verdict {
  /** Such as `pass` or `not applicable`. */
  readonly status: string
  readonly sentence: string
  /** What to change. */
  readonly advice: string
  /** What AWS does there. */
  readonly aws: string
  /** How the behaviour of AWS is known. */
  readonly basis: string
  /** The `index` of each journal entry that shows it. */
  readonly at?: ReadonlyArray<number> | undefined
}

/**
 * One run of an environment.
 *
 * @category models
 * @since 0.1.0
 */
export interface Run {
  readonly name: string
  readonly verdict?: Verdict | undefined
  readonly journal: ReadonlyArray<JournalEntry>
  readonly summary: Summary
  /** The limit of init; 10 seconds by default. */
  readonly initTimeoutMs?: number | undefined
  /** What the sink of a scenario has received. */
  readonly sink?: Tables.SinkCounts | undefined
}

/**
 * A run as markup, and its data for the script of the page.
 *
 * @category models
 * @since 0.1.0
 */
export interface Section {
  readonly markup: Html
  readonly data: { readonly entries: string; readonly folds: Readonly<Record<string, string>> }
}

/** More extensions than that have no lane of their own in the chart. */
const mostLanes = 16

const figure = (label: string, value: string, isBad = false): Html =>
  html`<div class="figure${isBad ? " bad" : ""}">
    <dt>${label}</dt>
    <dd>${value}</dd>
  </div>`

const figures = (
  summary: Summary,
  phases: ReadonlyArray<Phases.Phase>,
  invocations: ReadonlyArray<Invocations.Invocation>,
  journal: ReadonlyArray<JournalEntry>
): Html => {
  const init = phases.find(({ kind }) => kind === "init")
  const slowest = Math.max(0, ...invocations.map(({ doneAt, startedAt }) => (doneAt ?? startedAt) - startedAt))
  const held = Math.max(0, ...summary.extensions.map(({ heldOpenMs }) => heldOpenMs))
  const faults = journal.filter(({ _tag }) => _tag === "FaultInjected").length
  const problems = summary.problems.length + summary.functionFailures.length
  return html`<dl class="figures">
    ${figure("invocations", digits(summary.invocations))}${figure("failed", digits(summary.failedInvocations), summary.failedInvocations > 0)}${figure("problems", digits(problems), problems > 0)}${figure("faults injected", digits(faults))}${figure("init", init === undefined ? "–" : duration(init.to - init.from))}${figure("slowest invocation", duration(slowest))}${figure("longest held open", duration(held))}
  </dl>`
}

const legend = html`<ul class="legend" aria-label="Legend">
  <li><i class="key init"></i>starts</li>
  <li><i class="key work"></i>works on an event</li>
  <li><i class="key after"></i>runtime after its response</li>
  <li><i class="key held"></i>holds the invocation open</li>
  <li><i class="key lost"></i>its event is lost</li>
  <li><i class="key wait"></i>waits in next</li>
  <li><i class="key shutdown"></i>shuts down</li>
  <li><b class="fault">ϟ</b> fault</li>
  <li><b class="bad">✖</b> failure</li>
  <li><b class="warn">▲</b> warning</li>
  <li><b class="note">◆</b> moment</li>
  <li><b class="delivered">●</b> telemetry delivered</li>
  <li><b class="line">❙</b> log line</li>
  <li><b class="deadline">┆</b> deadline</li>
</ul>`

const verdictOf = ({ advice, aws, basis, sentence, status }: Verdict): Html =>
  html`<dl class="verdict">
    <dt>verdict</dt>
    <dd><strong class="status">${status}</strong> ${sentence}</dd>
    <dt>on AWS</dt>
    <dd>${aws} <span class="muted">(${basis})</span></dd>
    ${
      status === "fail" || status === "warn"
        ? html`<dt>what to change</dt>
            <dd>${advice}</dd>`
        : undefined
    }
  </dl>`

const foldOf = (column: Extract<Columns.Column, { readonly _tag: "Fold" }>, id: string): Html => {
  const { invocations, phases } = column
  const times = phases.filter(({ kind }) => kind === "invoke").map(({ from, to }) => to - from)
  const first = phases[0]?.title.replace(/^Invocations? /, "") ?? ""
  const last = phases.findLast(({ kind }) => kind === "invoke")?.title.replace(/^.* /, "") ?? ""
  const failed = phases.filter(({ kind, status }) => kind === "invoke" && status !== "success").length
  const told = failed === 0 ? html`<p class="ok">✓ ok</p>` : html`<p class="no">✕ ${digits(failed)} not ok</p>`
  return html`<li class="column fold" id="${id}">
    <h4>×${digits(invocations)}</h4>
    <p>Invocations ${first} to ${last}, like others that are drawn</p>
    ${told}
    <p>${duration(Math.min(...times))} to ${duration(Math.max(...times))} each</p>
    <button type="button" class="unfold" hidden>Unfold</button>
  </li>`
}

/**
 * Renders a run.
 *
 * @param options.number of the run in the page
 * @param options.share of the rows of a page that the tables of this run may have, 0 to 1
 * @category rendering
 * @since 0.1.0
 */
export const render = (run: Run, options: { readonly number: number; readonly share: number }): Section => {
  const { journal, summary, verdict } = run
  if (journal.length === 0) {
    const markup = html`${verdict === undefined ? undefined : verdictOf(verdict)}
      <p class="muted">Nothing was run.</p>`
    return { markup, data: { entries: "", folds: {} } }
  }
  const prefix = `r${options.number}`
  const rows = (most: number) => Math.max(40, Math.floor(most * options.share))
  const start = journal[0]?.at ?? 0
  const phases = Phases.of(journal, run.initTimeoutMs)
  const allLanes = Lanes.of(journal)
  const surplus = Math.max(0, allLanes.filter(({ role }) => role === "extension").length - mostLanes)
  const lanes = allLanes.filter(({ role }, row) => role !== "extension" || row < mostLanes + 2)
  const byIndex = new Map(journal.map(({ index }, position) => [index, position]))
  const evidence = (verdict?.at ?? []).slice(0, 20).flatMap((index): ReadonlyArray<Problems.Problem> => {
    const position = byIndex.get(index)
    return position === undefined ? [] : [{ kind: "evidence", text: Details.sentenceOf(journal, position), position }]
  })
  const problems = Problems.of(summary, journal, evidence)
  const invocations = Invocations.of(journal)
  const pinned = problems.flatMap(({ position }) => position ?? []).slice(0, 50)
  const columns = Columns.of({ phases, journal, lanes, pinned })
  const parts = Column.partsOf(phases, lanes)
  const draw = (phase: Phases.Phase) => Column.draw({ phase, parts: parts.get(phase) ?? [], journal, prefix, start })

  /** The identifier of the column that shows the entry, drawn or folded. */
  const targets: Array<string> = []
  const folds: Record<string, string> = {}
  const drawn = columns.map((column) => {
    const shown = column._tag === "Phase" ? [column.phase] : column.phases
    const id = column._tag === "Phase" ? `${prefix}p${column.phase.first}` : `${prefix}f${shown[0]?.first ?? 0}`
    for (const { end, first } of shown) for (let position = first; position < end; position++) targets.push(id)
    if (column._tag === "Phase") return draw(column.phase)
    folds[id] = Details.packed(
      column.phases.map((phase) => [
        phase.kind === "invoke" ? 1 : 0,
        phase.first,
        phase.end,
        draw(phase).text,
        phase.title
      ])
    )
    return foldOf(column, id)
  })
  const link: Tables.Link = (position, text) =>
    html`<a href="#${targets[position] ?? `${prefix}p0`}" data-p="${position}">${text}</a>`

  const lost = journal[0]?.index ?? 0
  const markup = html`${verdict === undefined ? undefined : verdictOf(verdict)}
    ${figures(summary, phases, invocations, journal)}
    ${lost > 0 ? html`<p class="muted">The journal no longer has the first ${count(lost, "entry").replace(/entrys$/, "entries")}; the page begins after them.</p>` : undefined}
    <section>
      <h3>${verdict === undefined ? "Problems" : "What was seen"}</h3>
      ${Problems.render(problems, link)}
    </section>
    <div class="beside">
      <section>
        <h3>Timeline</h3>
        <p class="muted">
          Each phase has its own scale, in milliseconds since it began. Freezes and idle time are cut
          out.${surplus > 0 ? html` ${count(surplus, "extension")} more have no lane.` : undefined}
        </p>
        <div class="chart" data-lanes="${lanes.length}">
          <ol class="lanes" aria-hidden="true">
            ${lanes.map(({ role, title }) => html`<li class="${role}"><span title="${title}">${title}</span></li>`)}
          </ol>
          <div class="axis" tabindex="0" role="region" aria-label="Timeline of ${run.name}">
            <ol class="columns">
              ${drawn}
            </ol>
          </div>
        </div>
        ${legend}
      </section>
      <div class="side">
        <section class="details" hidden>
          <h3>Details</h3>
          <div class="facts" role="group" aria-label="Details" tabindex="0">
            <p class="muted">
              Point at a bar or a mark to see what it was, and click to keep it. With the keyboard: Tab to the timeline,
              the arrow keys through it, Enter to the details, Escape back.
            </p>
          </div>
        </section>
        <section>
          <h3>Log</h3>
          ${Tables.log(journal, start, link, rows(2000))}
        </section>
      </div>
    </div>
    <section>
      <h3>Budget of each invocation</h3>
      ${Tables.invocations(invocations, link, rows(1000))}
    </section>
    <div class="pair">
      <section>
        <h3>Extensions</h3>
        ${Tables.extensions(summary)}
      </section>
      <section>
        <h3>Phases</h3>
        ${Tables.phases(phases)}
      </section>
    </div>
    <section>
      <h3>Telemetry</h3>
      ${Tables.telemetry(journal, run.sink)}
    </section>`
  return { markup, data: { entries: Details.packed(Details.of(journal, start)), folds } }
}
