/** The parts of Node that the prelude mends: one program prints the same on Node and on LLRT. */
import { assert, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { bundled, onLlrt } from "../../../tools/programs.ts"

const source = join(import.meta.dirname, "likeNode.ts")
const said = (file: string, args: ReadonlyArray<string>) => JSON.parse(execFileSync(file, args, { encoding: "utf8" }))

it("says what Node says", async () => {
  const onNode = said(process.execPath, [await bundled(source)])
  assert.isAbove(onNode.length, 20)
  assert.deepStrictEqual(said(await onLlrt(source), []), onNode)
})
