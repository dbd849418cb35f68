/** `effect-lambda check`: says what is wrong with a layer, before Lambda says it in fewer words. */
import * as LogLine from "@effect-lambda/emulator/LogLine"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as NodePath from "node:path"
import process from "node:process"
import type { Finding } from "../check/Finding.ts"
import * as FindingCases from "../check/FindingCases.ts"
import * as Findings from "../check/Findings.ts"
import * as FunctionRuntime from "../check/FunctionRuntime.ts"
import * as LayerContent from "../layer/LayerContent.ts"
import * as Junit from "../report/Junit.ts"
import * as Disk from "../shared/Disk.ts"
import * as Terminal from "../shared/Terminal.ts"
import { fail } from "../shared/UserError.ts"

const config = {
  layer: Argument.Path("layer").pipe(
    Argument.withMetavar("LAYER.zip|DIR"),
    Argument.withDescription("The layer: a zip, or a directory that is laid out as /opt")
  ),
  arch: Flag.Literals("arch", ["x64", "arm64"]).pipe(
    Flag.withDescription("The processor that the layer is for; default: as its file name says (my-layer-arm64.zip)"),
    Flag.optional
  ),
  runtimes: Flag.String("function-runtime").pipe(
    Flag.withMetavar("ID,…"),
    Flag.withDescription(
      "The runtimes of the functions that use the layer, such as nodejs24.x,python3.13; may be given several times"
    ),
    Flag.atLeast(0)
  ),
  junit: Junit.flag("the findings"),
  json: Flag.Boolean("json").pipe(Flag.withDescription("Print everything as one JSON object"), Flag.withDefault(false))
}

const archOf = (path: string): "x64" | "arm64" | undefined => {
  const name = /(?:^|[-_.])(x64|x86[_-]64|amd64|arm64|aarch64)(?:\.zip)?$/i.exec(NodePath.basename(path))?.[1]
  if (name === undefined) return undefined
  return /^a(?:rm|arch)/i.test(name) ? "arm64" : "x64"
}

const runtimesOf = (ids: ReadonlyArray<string>) =>
  Effect.forEach(
    ids.flatMap((list) => list.split(",")),
    (id) => {
      const runtime = FunctionRuntime.parse(id.trim())
      return runtime === undefined
        ? fail(
            `--function-runtime ${JSON.stringify(id)} is not known here; known are ` +
              `${FunctionRuntime.examples} and other versions of these languages`
          )
        : Effect.succeed(runtime)
    }
  )

const styles = { error: "red", warning: "yellow", note: "cyan" } as const
/** The findings shown for each kind; a layer with all modes wrong has thousands. */
const shown = 5

/** Gives a paragraph for each finding, and a few for each kind. */
const render = (findings: ReadonlyArray<Finding>): ReadonlyArray<string> => {
  const lines: Array<string> = []
  const groups = Map.groupBy(findings, ({ code, severity }) => `${severity} ${code}`)
  for (const severity of ["error", "warning", "note"] as const) {
    for (const group of groups.values()) {
      if (group[0]?.severity !== severity) continue
      for (const { advice, code, message, path } of group.slice(0, shown)) {
        const text = path === "" ? message : `${path}: ${message}`
        lines.push(
          `${Terminal.paint(styles[severity], severity)} [${code}] ${LogLine.printable(text)}`,
          `  do: ${LogLine.printable(advice)}`
        )
      }
      if (group.length > shown) lines.push(`  … and ${group.length - shown} more [${group[0].code}]`)
    }
  }
  return lines
}

const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? "" : "s"}`

const run = Effect.fnUntraced(function* (input: Command.Command.Config.Infer<typeof config>) {
  const runtimes = yield* runtimesOf(input.runtimes)
  yield* Disk.checkWritableAll([input.junit])
  const opened = LayerContent.open(input.layer)
  if (Result.isFailure(opened)) return yield* fail(`${input.layer} cannot be checked: ${opened.failure}`)
  const content = opened.success
  const arch = Option.getOrUndefined(input.arch) ?? archOf(NodePath.resolve(input.layer))
  const findings = Findings.find(content, { arch, runtimes, now: yield* Clock.currentTimeMillis })
  const count = (severity: Finding["severity"]) => findings.filter((finding) => finding.severity === severity).length
  const terminal = yield* Terminal.make
  if (input.json) {
    yield* terminal.print(JSON.stringify({ layer: input.layer, arch: arch ?? null, findings }))
  } else {
    for (const line of render(findings)) yield* terminal.print(line)
    yield* terminal.print(
      findings.length === 0
        ? `${input.layer}: nothing found`
        : `${input.layer}: ${plural(count("error"), "error")}, ${plural(count("warning"), "warning")}, ${plural(count("note"), "note")}`
    )
  }
  if (Option.isSome(input.junit)) {
    yield* Junit.write(input.junit.value, { name: `check ${input.layer}`, cases: FindingCases.make(findings) })
  }
  if (count("error") > 0) process.exitCode = 1
}, Effect.scoped)

export const check = Command.make("check", config, run).pipe(
  Command.withShortDescription("Says what is wrong with a layer that any tool made"),
  Command.withDescription(
    "Says what is wrong with a layer of extensions that any tool made: files that Lambda cannot start, " +
      "programs for another machine, missing interpreters, sizes and secrets.\n\nThe exit code is 1 if there is an error."
  ),
  Command.withExamples([
    { command: "effect-lambda check dist/my-extension-arm64.zip", description: "A layer before it is published" },
    {
      command: "effect-lambda check layer.zip --arch x64 --function-runtime python3.13,java21",
      description: "Will it run beside these functions?"
    }
  ])
)
