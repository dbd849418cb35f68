/** `check` of the target, before it is run: a layer that Lambda cannot start has nothing to try. */
import * as LogLine from "@effect-lambda/emulator/LogLine"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import * as Findings from "../check/Findings.ts"
import * as LayerContent from "../layer/LayerContent.ts"
import * as UserError from "../shared/UserError.ts"
import type { Found } from "./play/Target.ts"

/** A layer with this file alone in `extensions`. */
const layerOf = (file: string): Result.Result<LayerContent.LayerContent, string> =>
  Result.try({
    try: () => {
      const { mode, size } = Fs.statSync(file)
      const path = `extensions/${NodePath.basename(file)}`
      return {
        entries: [{ path, kind: "file", mode: mode & 0o7777, size, read: () => Fs.readFileSync(file) }],
        packedBytes: undefined
      }
    },
    catch: UserError.reasonOf
  })

/** Gives a line for each warning. An error of the layer ends the command. */
export const check = Effect.fnUntraced(function* ({ kind, path, place }: Found) {
  const content = kind === "layer" ? LayerContent.open(place) : layerOf(place)
  if (Result.isFailure(content)) return yield* UserError.fail(`${path} cannot be checked: ${content.failure}`)
  const findings = Findings.find(content.success, { arch: undefined, runtimes: [] })
  const lineOf = ({ advice, message, path }: (typeof findings)[number]) =>
    LogLine.printable(`${path === "" ? "" : `${path}: `}${message}; do: ${advice}`)
  const errors = findings.filter(({ severity }) => severity === "error")
  if (errors.length > 0) {
    const lines = errors.slice(0, 5).map((finding) => `\n  ${lineOf(finding)}`)
    return yield* UserError.fail(`check refuses ${path}, so nothing was run:${lines.join("")}`)
  }
  return findings.filter(({ severity }) => severity === "warning").map((finding) => `check: ${lineOf(finding)}`)
})
