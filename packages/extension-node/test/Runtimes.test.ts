/** The modules of the runtimes: each has the same exports, and package.json names each by its condition. */
import { assert, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as bun from "../src/internal/runtime/bun.ts"
import * as llrt from "../src/internal/runtime/llrt.ts"
import * as node from "../src/internal/runtime/node.ts"
import type { Runtime } from "../src/internal/runtime/Runtime.ts"

// The compiler refuses a module without an export of `Runtime`, and a name that `Runtime` does not have.
const runtimes: Readonly<Record<"bun" | "llrt" | "default", Runtime>> = { bun, llrt, default: node }
type Foreign = Exclude<keyof typeof bun | keyof typeof llrt | keyof typeof node, keyof Runtime>
const foreign: ReadonlyArray<Foreign> & ReadonlyArray<never> = []

it("every runtime has the same exports", () => {
  for (const other of [bun, llrt]) assert.deepStrictEqual(Object.keys(other).toSorted(), Object.keys(node).toSorted())
  assert.deepStrictEqual(foreign, [])
})

it("package.json names the module of each runtime, in the sources and in the tarball", () => {
  const folder = join(import.meta.dirname, "..")
  const { imports, publishConfig } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
  const conditions = imports["#runtime"]
  // The first condition that holds is taken, so the one that always holds comes last.
  assert.deepStrictEqual(Object.keys(conditions), Object.keys(runtimes))
  const built = JSON.stringify(imports).replaceAll("./src/", "./dist/").replaceAll('.ts"', '.js"')
  // With the order of the conditions.
  assert.strictEqual(JSON.stringify(publishConfig.imports), built)
  const modules = globSync("src/internal/runtime/*.ts", { cwd: folder }).map((path) => `./${path}`)
  const shared = ["./src/internal/runtime/Runtime.ts", "./src/internal/runtime/likeNode.ts"]
  assert.sameMembers([...Object.values(conditions), ...shared], modules)
})
