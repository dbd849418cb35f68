/**
 * The tests that several runtimes have, in one table for docs/building.md. Usage: `node packages/test/runtimes/table.ts`, and
 * `--write` to update the document.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { broad } from "../../cli/test/conform/housePlay.ts"
import { layers } from "../../cli/test/conform/layers.ts"
import { names } from "../../cli/test/starts/once.ts"
import * as LayerConfig from "../../cli/src/project/LayerConfig.ts"
import { cells } from "../../examples/telemetry-ship/test/matrix.ts"
import { failures } from "../../extension-node/test/life/failures.ts"
import { life } from "../../extension-node/test/life/life.ts"
import { certificates, compressed, taken, thaws } from "../../extension-node/test/life/sinks.ts"
import { framingNames } from "../../extension-node/test/wire/framing.ts"
import { contractRows, listenerRows } from "../../extension-node/test/wire/rows.ts"
import type { Row, RuntimeName } from "./scenario.ts"

export const documentPath = join(import.meta.dirname, "../../../docs/building.md")

interface Suite {
  readonly title: string
  /** The folder or file of the tests, below packages. */
  readonly source: string
  readonly rows: ReadonlyArray<Row>
}

const bunsFetch = "bun's client is fetch, which npm test plays on the fetch of Node"
const bunHasNoEager = "bun cannot take over the connection of the entry"
const bunInNpmTest = "npm test plays the life of a layer with bun once, beside a function in Python"

export const suites: ReadonlyArray<Suite> = [
  { title: "the life of `runMain`", source: "extension-node/test/life/life.ts", rows: life },
  { title: "its failures", source: "extension-node/test/life/failures.ts", rows: failures },
  { title: "the contract of the client", source: "extension-node/test/wire/contractCases.ts", rows: contractRows },
  {
    title: "the bytes of answers",
    source: "extension-node/test/wire/answerCases.ts",
    rows: framingNames.map((name) => ({ name, not: { bun: bunsFetch } }))
  },
  { title: "the listener for telemetry", source: "extension-node/test/wire/listenerCases.ts", rows: listenerRows },
  {
    title: "sinks: a freeze, TLS, gzip, broken answers",
    source: "extension-node/test/life/sinks.ts",
    rows: [...thaws, ...certificates, ...compressed, ...taken]
  },
  {
    title: "every flush strategy, with the freeze on",
    source: "examples/telemetry-ship/test/matrix.ts",
    rows: cells.map(({ sink, strategy }) => ({
      name: `${strategy}, a sink that is ${sink}`,
      not: { bun: bunInNpmTest }
    }))
  },
  {
    title: "layers of the examples, `ready` and `eager`",
    source: "cli/test/starts/once.ts",
    // Python is in the table too where this machine has none.
    rows: ["Node", "Python", "bash"].flatMap((language) =>
      names.flatMap((example) =>
        LayerConfig.starts.map((start) => ({
          name: `${example}, ${start}, beside a function in ${language}`,
          not: { bun: start === "eager" ? bunHasNoEager : bunInNpmTest }
        }))
      )
    )
  },
  {
    title: "the layer for OpenTelemetry",
    source: "cli/test/starts/otel.ts",
    rows: [
      { name: "ready", not: {} },
      { name: "eager", not: { bun: bunHasNoEager } }
    ]
  },
  {
    title: "`conform` over hello, telemetry-ship and otel",
    source: "cli/test/conform/housePlay.ts",
    rows: layers.flatMap(({ name: layer }) =>
      broad.map((name) => ({ name: `${layer}: ${name}`, not: { bun: bunInNpmTest } }))
    )
  }
]

const runtimes: ReadonlyArray<RuntimeName> = ["Node", "bun", "LLRT"]

/** The rows without the runtime, by their reason. */
const reasonsOf = ({ rows }: Suite, runtime: RuntimeName): ReadonlyArray<readonly [reason: string, rows: number]> => {
  const counts = new Map<string, number>()
  for (const { not } of rows) {
    const reason = not?.[runtime]
    if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  return [...counts]
}

const cell = (suite: Suite, runtime: RuntimeName): string => {
  const reasons = reasonsOf(suite, runtime)
  const played = suite.rows.length - reasons.reduce((sum, [, rows]) => sum + rows, 0)
  return [String(played), ...reasons.map(([reason, rows]) => `not ${rows}: ${reason}`)].join("<br>")
}

export const table = (): string =>
  [
    `| tests | ${runtimes.join(" | ")} |`,
    `| --- |${" --- |".repeat(runtimes.length)}`,
    ...suites.map(
      (suite) =>
        `| [${suite.title}](../packages/${suite.source}) | ${runtimes.map((runtime) => cell(suite, runtime)).join(" | ")} |`
    )
  ].join("\n")

const [start, end] = ["<!-- tests -->", "<!-- /tests -->"]

/** The document with the table of today. */
export const insert = (document: string): string => {
  const [before, after] = [document.indexOf(start), document.indexOf(end)]
  if (before === -1 || after < before) throw new Error(`docs/building.md has no section between ${start} and ${end}.`)
  return `${document.slice(0, before)}${start}\n\n${table()}\n\n${document.slice(after)}`
}

if (process.argv[1] === import.meta.filename) {
  if (process.argv.includes("--write")) writeFileSync(documentPath, insert(readFileSync(documentPath, "utf8")))
  else process.stdout.write(`${table()}\n`)
}
