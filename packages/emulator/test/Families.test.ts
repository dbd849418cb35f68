/** The families of the emulator, and the imports between them. */
import { assert, describe, it } from "@effect/vitest"
import { readImports } from "../../test/support/ImportGraph.ts"

/** From the top floor down: folders below `src/internal`, and the modules outside of a folder. */
const order = [
  "index",
  "Emulator",
  "Timeline",
  "Limits",
  "Variables",
  "runner",
  "Journal",
  "fault",
  "server",
  "environment",
  "telemetry",
  "settings",
  "process",
  "sandbox",
  "LogLine",
  "journal",
  "Fault",
  "FaultForms",
  "FaultKinds",
  "TraceHeader",
  "wire",
  "Profile",
  "EmulatorError",
  "ShutdownReason",
  "Source"
]

const familyOf = (module: string): string =>
  /^internal\/(?<family>[^/]+)\//.exec(module)?.groups?.["family"] ?? module.replace(/^internal\/|\.ts$/g, "")

describe("the families", () => {
  const graph = readImports(["emulator"]).get("emulator") ?? new Map<string, ReadonlyArray<string>>()

  it("every module belongs to one", () => {
    assert.deepStrictEqual([...new Set([...graph.keys()].map(familyOf))].toSorted(), order.toSorted())
  })

  it("a family imports only families below it", () => {
    const floorOf = (module: string): number => order.indexOf(familyOf(module))
    const up = [...graph].flatMap(([module, imports]) =>
      imports.filter((target) => floorOf(target) < floorOf(module)).map((target) => `${module} → ${target}`)
    )
    assert.deepStrictEqual(up, [])
  })
})
