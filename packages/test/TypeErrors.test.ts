/** The words of the compiler for the mistakes that users of telemetry make first. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { writeProject } from "./support/UserProject.ts"

const folder = mkdtempSync(join(tmpdir(), "type-errors-"))

const program = (telemetry: string, layer = ".pipe(Effect.provide(NodeTelemetry.layer))") =>
  `import { Extension, FlushStrategy, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { NodeExtension, NodeTelemetry } from "@effect-lambda/extension-node"
import * as Effect from "effect/Effect"

const extension = Extension.run({ telemetry: Telemetry.make({ ${telemetry} }) })${layer}
export const main = () => NodeExtension.runMain(extension)
export const others = [Effect, FlushStrategy, NodeTelemetry, TelemetrySink]
`

const console = "sink: TelemetrySink.console"

/** What is wrong, the program, and a line that the compiler prints; without a line the program compiles. */
const mistakes: ReadonlyArray<readonly [string, string, string | undefined]> = [
  ["nothing", program(`types: ["platform"], ${console}`), undefined],
  [
    "a forgotten layer",
    program(`types: ["platform"], ${console}`, ""),
    "    Type 'TelemetryTransport' is not assignable to type 'Services'."
  ],
  [
    "a sink that does not export",
    program('types: ["platform"], sink: Effect.succeed({ name: "a", send: () => Effect.void })'),
    "is missing the following properties from type 'TelemetrySink': isOwnLog, export"
  ],
  ["no types", program(console), "Property 'types' is missing in type"],
  [
    "a type that there is not",
    program(`types: ["platforms"], ${console}`),
    `Type '"platforms"' is not assignable to type 'TelemetryType'. Did you mean '"platform"'?`
  ],
  [
    "a list of sinks",
    program('types: ["platform"], sink: [TelemetrySink.console]'),
    "Type 'Effect<TelemetrySink, never, never>[]' is missing the following properties from type 'Effect<readonly TelemetrySink[] | TelemetrySink"
  ],
  [
    "the name of a strategy",
    program(`types: ["platform"], ${console}, strategy: "endOfInvocation"`),
    "Type 'string' is not assignable to type 'FlushStrategy"
  ]
]

const fileOf = (index: number) => `mistake-${index}.ts`

describe("the compiler", () => {
  const lines = new Map<string, string>()

  beforeAll(() => {
    writeProject(folder, "src")
    for (const [index, [, text]] of mistakes.entries()) writeFileSync(join(folder, "src", fileOf(index)), text)
    const { stdout } = spawnSync("tsc", ["-p", folder], { cwd: folder, encoding: "utf8" })
    let file = ""
    for (const line of stdout.split("\n")) {
      file = /^src\/([\w-]+\.ts)\(/.exec(line)?.[1] ?? file
      lines.set(file, `${lines.get(file) ?? ""}${line}\n`)
    }
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each(mistakes.map(([what, , line], index) => ({ what, line, file: fileOf(index) })))(
    "names $what",
    ({ file, line }) => {
      if (line === undefined) assert.isUndefined(lines.get(file))
      else assert.include(lines.get(file), line)
    }
  )
})
