/** The summary of `effect-lambda emulate` under the faults that emulate.test.ts leaves out. */
import { assert, it } from "@effect/vitest"
import { join } from "node:path"
import { inProcess } from "../support/inProcess.ts"

const fixture = (name: string) => join(import.meta.dirname, "../fixtures", name)

it.each([
  ["reset:register", 1, "problem: naive.mjs crashed with exit code 1"],
  ["partial:next@2=10", 1, "problem: naive.mjs crashed with exit code 1"],
  ["drop-parked-next@1", 1, "problem: naive.mjs crashed with exit code 1"],
  ["crash:runtime:during-invoke@1", 0, "function: invocation 1 failed: Runtime.ExitError"],
  ["shutdown:after-response@1", 1, "The environment was shut down before invocation"],
  // Faults that even a naive extension survives, as on Lambda.
  ["slow:next@2=300ms", 0, "no extension crashed or overran"],
  ["deadline:shutdown=676051", 0, "no extension crashed or overran"],
  ["hold-thaw=300ms", 0, "no extension crashed or overran"]
])("a naive extension under %s: the summary says so", async (fault, expected, text) => {
  const run = ["-f", fixture("handler.mjs"), "-n", "2", "--timeout", "2", "--fault", fault]
  const { code, output } = await inProcess(["emulate", "-e", fixture("naive.mjs"), ...run])
  assert.strictEqual(code, expected, output)
  assert.include(output, text)
})
