/** No module imports itself over others; `import type` and `import()` count as well, as the compiler reads them. */
import { assert, it } from "@effect/vitest"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  arrowsOf,
  circlesOf,
  familyOf,
  type ImportGraph,
  orderOf,
  packagesWithSources,
  readFolder,
  readImports
} from "./support/ImportGraph.ts"

const circlesIn = (graph: ImportGraph) => circlesOf(graph).map((circle) => circle.join(" → "))

const graphs = readImports(packagesWithSources())

it("every package with sources is checked", () => {
  for (const name of ["extension", "extension-node", "otel", "emulator", "cli", "benchmark", "examples/hello"]) {
    assert.isAbove(graphs.get(name)?.size ?? 0, 1, name)
  }
})

it.each([...graphs])("%s: no import comes back to its beginning", (_, graph) => {
  assert.deepStrictEqual(circlesIn(graph), [])
})

it("the families of the extension import down: tests, telemetry, lifecycle", () => {
  const { order, up } = orderOf(arrowsOf(graphs.get("extension") ?? new Map(), familyOf))
  assert.deepStrictEqual(up, [])
  assert.deepStrictEqual(order, ["testing", "telemetry", "."])
})

it("the families of the CLI import down: nothing that is shared knows a command", () => {
  const { order, up } = orderOf(arrowsOf(graphs.get("cli") ?? new Map(), familyOf))
  assert.deepStrictEqual(up, [])
  assert.strictEqual(order.at(-1), "shared")
})

it("finds a circle of types, over another module and through a type that is imported in place", () => {
  const folder = mkdtempSync(join(tmpdir(), "circles-"))
  try {
    mkdirSync(join(folder, "src/parts"), { recursive: true })
    const write = (path: string, text: string) => writeFileSync(join(folder, path), text)
    write("tsconfig.json", '{ "include": ["src"] }')
    write("src/A.ts", 'import type { B } from "./parts/B.ts"\nexport interface A { readonly b: B }\n')
    write("src/parts/B.ts", 'export type { C } from "../C.ts"\nexport interface B {}\n')
    write("src/C.ts", 'export interface C { readonly a: import("./A.ts").A }\n')
    write(
      "src/D.ts",
      'import type { A } from "./A.ts"\nexport const load = () => import("./D.ts")\nexport type D = A\n'
    )
    const graph = readFolder(folder)
    assert.deepStrictEqual(circlesIn(graph), ["A.ts → parts/B.ts → C.ts → A.ts", "D.ts → D.ts"])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

it.each<readonly [string, Record<string, ReadonlyArray<string>>, ReadonlyArray<string>]>([
  ["none in a diamond", { a: ["b", "c"], b: ["d"], c: ["d"], d: [] }, []],
  ["two with a module in common", { a: ["b", "c"], b: ["a"], c: ["a"] }, ["a → b → a", "c → a → c"]],
  ["a short one inside a long one", { a: ["b"], b: ["c"], c: ["b", "a"] }, ["a → b → c → a", "b → c → b"]]
])("finds circles: %s", (_, imports, circles) => {
  assert.deepStrictEqual(circlesIn(new Map(Object.entries(imports))), circles)
})
