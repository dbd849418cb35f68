/** The place in the sources of what LLRT cannot compile. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import * as Llrt from "../layer/Llrt.ts"
import * as Disk from "../shared/Disk.ts"
import { execute } from "../shared/Execute.ts"
import type { Bundle } from "./Bundle.ts"

/** What LLRT prints of a module that it cannot compile. For a regular expression it says no place. */
const complaint = /message: Some\("((?:[^"\\]|\\.)*)"\), stack: Some\("(?:\s*at \w+:(\d+):(\d+))?/

/** Every regular expression of a program with its offset. Imported here, as rolldown itself is. */
const expressionsOf = (code: string) =>
  Effect.promise(() => import("rolldown/utils")).pipe(
    Effect.map(({ parseSync, Visitor }) => {
      const found: Array<readonly [offset: number, pattern: string, flags: string]> = []
      const visitor = new Visitor({
        Literal: (node) => {
          if ("regex" in node) found.push([node.start, node.regex.pattern, node.regex.flags])
        }
      })
      visitor.visit(parseSync("bundle.mjs", code).program)
      return found
    })
  )

/** Prints the offset of the first expression that LLRT refuses. */
const trial = (expressions: ReadonlyArray<readonly [offset: number, pattern: string, flags: string]>) =>
  `for (const [offset, pattern, flags] of ${JSON.stringify(expressions)}) {
  try {
    new RegExp(pattern, flags)
  } catch {
    console.log(offset)
    break
  }
}`

/** Tries every regular expression of the program on LLRT. */
const expressionPlace = Effect.fnUntraced(function* (path: string, code: string) {
  const folder = yield* Disk.temporaryFolder("effect-lambda-llrt-")
  const program = trial(yield* expressionsOf(code))
  yield* Disk.attempt(folder, () => Fs.writeFileSync(NodePath.join(folder, "trial.mjs"), program))
  const offset = yield* execute(path, ["trial.mjs"], { cwd: folder, env: {}, timeoutMillis: 120_000 })
  if (offset.trim() === "") return undefined
  const before = code.slice(0, Number(offset)).split("\n")
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}, Effect.scoped)

/** Says what LLRT cannot compile, with its place in the sources; `undefined`: what it has printed is something else. */
export const explain = Effect.fnUntraced(function* (
  path: string,
  printed: string,
  { code, map, positions }: Pick<Bundle, "code" | "map" | "positions">
) {
  const [, what, line, column] = complaint.exec(printed) ?? []
  if (what === undefined) return undefined
  const place =
    line === undefined
      ? yield* expressionPlace(path, code).pipe(Effect.orElseSucceed(() => undefined))
      : { line, column }
  if (place === undefined) return undefined
  const position = positions.restore(`/${map.file}:${place.line}:${place.column}`)
  return `${position}: ${what}: LLRT ${Llrt.version} does not know this syntax; write it in another way, or build with another --runtime`
})
