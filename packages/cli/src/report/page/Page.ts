/**
 * The report page: runs of an environment as a single HTML file that asks for nothing, can be read without its script,
 * and holds no markup of a target.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import * as Disk from "../../shared/Disk.ts"
import { Html, html, json } from "./Markup.ts"
import * as RunSection from "./RunSection.ts"

/**
 * What a page shows: a run of `emulate`, or the scenarios of `conform`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Report {
  readonly title: string
  readonly runs: ReadonlyArray<RunSection.Run>
}

/** The stylesheet and the script, which are files of this package in the same place from src and from dist. */
const folder = NodePath.join(import.meta.dirname, "../../../page")

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`

/** The order in which the states of verdicts are listed: the worst first. */
const order = ["fail", "warn", "not testable", "info", "pass", "not applicable"]

const rankOf = ({ verdict }: RunSection.Run): number => {
  const rank = order.indexOf(verdict?.status ?? "")
  return rank === -1 ? order.length : rank
}

const signs: Readonly<Record<string, string>> = { fail: "✕", warn: "△", pass: "✓" }

const classOf = (status: string): string => status.replaceAll(" ", "-")

const verdicts = (runs: ReadonlyArray<RunSection.Run>): Html | undefined => {
  const judged = runs.flatMap(({ name, verdict }, number) => (verdict === undefined ? [] : [{ name, verdict, number }]))
  if (judged.length === 0) return undefined
  const counts = order.flatMap((status) => {
    const { length } = judged.filter(({ verdict }) => verdict.status === status)
    return length === 0 ? [] : [`${length} ${status}`]
  })
  return html`<section>
    <h2>Verdicts</h2>
    <p>${counts.join(", ")}</p>
    <div class="scroll whole" role="group" aria-label="Verdicts" tabindex="0">
      <table class="verdicts">
        <thead>
          <tr>
            <th scope="col">verdict</th>
            <th scope="col">scenario</th>
            <th scope="col">what was seen</th>
          </tr>
        </thead>
        <tbody>
          ${judged.map(
            ({ name, number, verdict }) =>
              html`<tr>
                <td>
                  <span class="status ${classOf(verdict.status)}"
                    >${signs[verdict.status] ?? "·"} ${verdict.status}</span
                  >
                </td>
                <th scope="row"><a href="#run${number}">${name}</a></th>
                <td>${verdict.sentence}</td>
              </tr>`
          )}
        </tbody>
      </table>
    </div>
  </section>`
}

const runOf = (run: RunSection.Run, number: number, markup: Html, isAlone: boolean): Html => {
  if (isAlone) {
    return html`<section class="run" id="run${number}" data-run="${number}">
      <h2 class="unseen">Run of ${run.name}</h2>
      ${markup}
    </section>`
  }
  const status = run.verdict?.status ?? ""
  const isOpen = status === "fail" || status === "warn"
  return html`<details class="run" id="run${number}" data-run="${number}" ${isOpen ? html` open` : undefined}>
    <summary>
      <h2>
        ${status === "" ? undefined : html`<span class="status ${classOf(status)}">${signs[status] ?? "·"} ${status}</span> `}${run.name}
      </h2>
    </summary>
    ${markup}
  </details>`
}

const hatch = html`<svg class="defs" width="0" height="0" aria-hidden="true" focusable="false">
  <defs>
    <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
      <rect class="stripe" width="2" height="6" />
    </pattern>
  </defs>
</svg>`

/**
 * The page as text.
 *
 * @category rendering
 * @since 0.1.0
 */
export const render = (report: Report): string => {
  const style = Fs.readFileSync(NodePath.join(folder, "page.css"), "utf8")
  const script = Fs.readFileSync(NodePath.join(folder, "client.js"), "utf8")
  const { title } = report
  const runs = report.runs.toSorted((one, other) => rankOf(one) - rankOf(other))
  const sections = runs.map((run, number) => RunSection.render(run, { number, share: 1 / runs.length }))
  const data = sections.map(({ data }) => data)
  // The policy allows the style and the script as they are, to the last space.
  const policy = `default-src 'none'; style-src ${hashOf(style)}; script-src ${hashOf(script)}; img-src data:; base-uri 'none'; form-action 'none'`
  const begun = runs.flatMap(({ journal }) => journal[0]?.at ?? [])[0]
  const when =
    begun === undefined
      ? undefined
      : html`<p class="muted">${DateTime.formatIso(DateTime.makeUnsafe(begun)).replace("T", " ").slice(0, 19)} UTC</p>`
  const bodies = runs.map((run, number) => {
    const markup = sections[number]?.markup ?? html``
    return runOf(run, number, markup, runs.length === 1)
  })
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        ${new Html(`<style>${style}</style>`)}
      </head>
      <body>
        ${hatch}
        <header>
          <h1>${title}</h1>
          ${when}
        </header>
        <main>${verdicts(runs)}${bodies}</main>
        ${new Html(`<script type="application/json" id="data">${json(data)}</script><script>${script}</script>`)}
      </body>
    </html> `.text
}

/**
 * Writes the page whole, or not at all.
 *
 * @category effects
 * @since 0.1.0
 */
export const write = (file: string, report: Report) =>
  Effect.suspend(() => Disk.writeFile(file, Buffer.from(render(report))))
