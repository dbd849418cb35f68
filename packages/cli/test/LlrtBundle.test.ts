/** The bundle for LLRT, and the programs that LLRT cannot run: the build names the places. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { relative } from "node:path"
import * as Bundle from "../src/build/Bundle.ts"
import * as LayerConfig from "../src/project/LayerConfig.ts"
import * as Project from "./support/projects.ts"

afterAll(Project.remove)

let count = 0
const projectOf = (files: Readonly<Record<string, string>>) =>
  Project.make(`llrt-${++count}`, { "package.json": Project.manifest({ runtime: "llrt" }), ...files })

const bundled = Effect.fnUntraced(function* (files: Readonly<Record<string, string>>) {
  const { bundle, warnings } = yield* Bundle.build(yield* LayerConfig.resolve(projectOf(files), {}))
  return { ...bundle, warnings }
})

/** The error of the bundle without the folder of the project, and without its first line, which names the entry. */
const refusal = Effect.fnUntraced(function* (files: Readonly<Record<string, string>>) {
  const project = projectOf(files)
  const { cause } = yield* Effect.flip(Bundle.build(yield* LayerConfig.resolve(project, {})))
  return String(cause)
    .replaceAll(`${relative(process.cwd(), project)}/`, "")
    .split("\n")
    .slice(1)
})

const version = "is missing in LLRT 0.8.1-beta"
const advice = "do without it, or build with another --runtime"

describe("a program that uses what LLRT has not", () => {
  it.effect.each<readonly [what: string, main: string, said: string]>([
    ["a module", 'import { request } from "node:http"\nconsole.log(request)', `src/main.ts:1:25: node:http ${version}`],
    ["a module without its prefix", 'import "cluster"', `src/main.ts:1:8: node:cluster ${version}`],
    [
      "threads",
      '\nimport { Worker } from "worker_threads"\nnew Worker("")',
      `src/main.ts:2:24: node:worker_threads ${version}`
    ],
    [
      "a part of a module",
      'import * as T from "node:timers/promises"\nT.setTimeout(1)',
      `src/main.ts:1:20: node:timers/promises ${version}`
    ],
    [
      "an export",
      'import { readFileSync, writeSync as w } from "node:fs"\nconsole.log(readFileSync, w)',
      `src/main.ts:1:24: writeSync of node:fs ${version}`
    ],
    [
      "an export that it exports again",
      'export { once } from "node:events"',
      `src/main.ts:1:10: once of node:events ${version}`
    ],
    [
      "an export of a module that the prelude mends",
      '\nimport { exec, spawn } from "child_process"\nconsole.log(exec, spawn)',
      `src/main.ts:2:10: exec of node:child_process ${version}`
    ],
    ["everything of a module", 'export * from "node:v8"', `src/main.ts:1:15: node:v8 ${version}`],
    [
      "WebAssembly",
      "let size = 1\nconsole.log(new WebAssembly.Module(new Uint8Array(size)))",
      `src/main.ts:2:17: WebAssembly ${version}`
    ]
  ])("%s", ([, main, said]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* refusal({ "src/main.ts": main }), [`${said}; ${advice}`])
    })
  )

  it.effect("a package, by import and by require: each place is named", () =>
    Effect.gen(function* () {
      const said = yield* refusal({
        "src/main.ts": 'import { a } from "dep"\nimport { b } from "old"\nconsole.log(a, b)',
        "node_modules/dep/package.json": '{"name":"dep","exports":"./index.mjs"}',
        "node_modules/dep/index.mjs": 'import http2 from "node:http2"\nexport const a = http2',
        "node_modules/old/package.json": '{"name":"old","main":"index.cjs"}',
        "node_modules/old/index.cjs": 'const tls = require("tls")\nexports.b = tls'
      })
      assert.lengthOf(said, 1)
      assert.match(
        said[0] ?? "",
        /^node_modules\/(?:dep\/index\.mjs:1:19: node:http2|old\/index\.cjs:1:21: node:tls) is missing/
      )
      assert.include(said[0], "node_modules/dep/index.mjs:1:19")
      assert.include(said[0], "node_modules/old/index.cjs:1:21")
    })
  )

  it.effect("a native addon", () =>
    Effect.gen(function* () {
      const said = yield* refusal({ "src/main.ts": 'import a from "./a.node"\nconsole.log(a)', "src/a.node": "" })
      assert.include(said.join(), "a.node is a native addon")
    })
  )

  it.effect("a file of WebAssembly: the advice is not to compile it", () =>
    Effect.gen(function* () {
      const said = yield* refusal({ "src/main.ts": 'import a from "./a.wasm"\nconsole.log(a)', "src/a.wasm": "" })
      assert.include(said.join(), "a.wasm is WebAssembly, which LLRT lacks")
    })
  )

  it.effect("code that is left out of the bundle, types and a guarded use of WebAssembly do not count", () =>
    Effect.gen(function* () {
      const { warnings } = yield* bundled({
        "src/main.ts":
          'import type { Server } from "node:http"\nimport { used } from "dep"\nexport const server: Server | undefined = undefined\n' +
          'console.log(used, typeof WebAssembly === "object" ? WebAssembly.Module : 1)\n' +
          'const fs = process.getBuiltinModule("node:fs")\nconsole.log(fs.writeSync)\n' +
          "try {\n  new BroadcastChannel()\n} catch {}",
        "node_modules/dep/package.json": '{"name":"dep","exports":"./index.mjs","sideEffects":false}',
        "node_modules/dep/index.mjs": 'export { used } from "./used.mjs"\nexport { unused } from "./unused.mjs"',
        "node_modules/dep/used.mjs": "export const used = 1",
        "node_modules/dep/unused.mjs": 'import vm from "node:vm"\nexport const unused = vm'
      })
      assert.deepStrictEqual(warnings, [])
    })
  )

  it.effect("what fails only when the program comes there is a warning with its place", () =>
    Effect.gen(function* () {
      const { warnings } = yield* bundled({
        "src/main.ts":
          'import * as Fs from "node:fs"\nimport os from "node:os"\nif (Date.now() < 0) {\n  Fs.writeSync(1, os.hostname())\n' +
          '  await import("node:inspector")\n}\nimport net from "node:net"\nconsole.log(net.BlockList, net.Socket)\n' +
          "new Intl.NumberFormat()"
      })
      assert.deepStrictEqual(warnings.map((warning) => warning.replace(/^.*\/src\//, "src/")).toSorted(), [
        `src/main.ts:4:19: hostname of node:os ${version}: what uses it here fails`,
        `src/main.ts:4:3: writeSync of node:fs ${version}: what uses it here fails`,
        `src/main.ts:5:16: node:inspector ${version}: what uses it here fails`,
        `src/main.ts:8:13: BlockList of node:net ${version}: what uses it here fails`,
        `src/main.ts:9:5: Intl ${version}: what uses it here fails`
      ])
    })
  )
})

describe("a package in CommonJS", () => {
  const warningsOf = Effect.fnUntraced(function* (old: string) {
    const { warnings } = yield* bundled({
      "src/main.ts": 'import * as old from "old"\nconsole.log(old)',
      "node_modules/old/package.json": '{"name":"old","main":"index.cjs"}',
      "node_modules/old/index.cjs": old
    })
    return warnings.map((warning) => warning.replace(/^.*\/old\/index\.cjs:/, ""))
  })

  it.effect.each<readonly [what: string, code: string, said: ReadonlyArray<string>]>([
    ["a call", 'const util = require("util")\nutil.deprecate(() => {})', ["2:1: deprecate of node:util"]],
    ["a read", 'exports.inspect = require("node:util").inspect', ["1:19: inspect of node:util"]],
    ["a name", 'const { EOL, hostname } = require("os")\nexports.a = EOL + hostname()', ["1:14: hostname of node:os"]],
    [
      "what a compiler writes",
      'const os_1 = __importDefault(require("os"))\nos_1.default.cpus()',
      ["2:1: cpus of node:os"]
    ],
    ["an export of a mended module", 'exports.a = require("fs").openSync("a")', ["1:13: openSync of node:fs"]],
    ["what is there", 'const net = require("net")\nexports.a = net.isIP(require("util").format("a"))', []],
    ["what Node lacks too", 'exports.a = require("os").none', []],
    ["a question", 'const util = require("util")\nexports.a = util.inspect ? util.inspect(1) : ""', []],
    ["a read in a try", 'try { exports.a = require("os").cpus() } catch {}', []],
    ["a default value", 'const { cpus = () => [] } = require("os")\nexports.a = cpus()', []],
    ["another variable of the same name", 'const a = require("os")\nexports.b = (a) => a.cpus()', []]
  ])("%s", ([, code, said]) =>
    Effect.gen(function* () {
      const full = said.map((each) => `${each} ${version}: what uses it here fails`)
      assert.deepStrictEqual(yield* warningsOf(code), full)
    })
  )
})

describe("the bundle for LLRT", () => {
  it.effect("has no async function, and only the modules in which one is left are in older syntax", () =>
    Effect.gen(function* () {
      const waiting = "export const waiting = async (value) => ({ ...(await value) })\n"
      const { code, warnings } = yield* bundled({
        "src/main.ts":
          'import { waiting } from "./used.ts"\nimport { spread } from "./other.ts"\n' +
          "console.log(waiting(Promise.resolve({})), spread({}))",
        "src/used.ts": waiting,
        "src/other.ts": `${waiting}export const spread = (value) => ({ own: 1, ...value })`
      })
      assert.deepStrictEqual(warnings, [])
      assert.notMatch(code, /\basync\b/)
      assert.match(code, /function\*/)
      // Of `spread`; that of `waiting` is a call.
      assert.lengthOf(code.match(/\{own:1,\.\.\.\w+\}/g) ?? [], 1)
      assert.lengthOf(code.match(/\{\.\.\./g) ?? [], 0)
    })
  )

  it.effect("is one ES module with syntax that QuickJS knows, its own map and no require", () =>
    Effect.gen(function* () {
      const { code, map, warnings } = yield* bundled({
        "src/main.ts":
          'import { readFileSync } from "old"\n{\n  using file = { [Symbol.dispose]: () => console.log("disposed") }\n' +
          "  console.log(file, readFileSync, await import('./late.ts'), import.meta.url)\n}",
        "src/late.ts": "export const late = 1",
        "node_modules/old/package.json": '{"name":"old","main":"index.cjs"}',
        "node_modules/old/index.cjs": 'exports.readFileSync = require("fs").readFileSync'
      })
      assert.deepStrictEqual(warnings, [])
      assert.match(code, /getBuiltinModule\(`node:fs`\)/)
      assert.notMatch(code, /\busing \w+ ?=|createRequire|\brequire\(/)
      assert.strictEqual(map.file, "watcher/bundle.lrt")
      assert.match(code, /file:\/\/.{0,10}import\.meta\.url/)
    })
  )

  it.effect("takes of a package what the condition llrt names", () =>
    Effect.gen(function* () {
      const exports = { ".": { llrt: "./llrt.mjs", node: "./node.mjs" } }
      const { code } = yield* bundled({
        "src/main.ts": 'import { taken } from "dep"\nconsole.log(taken)',
        "node_modules/dep/package.json": JSON.stringify({ name: "dep", exports }),
        "node_modules/dep/llrt.mjs": 'export const taken = "of LLRT"',
        "node_modules/dep/node.mjs": 'export const taken = "of Node"'
      })
      assert.include(code, "of LLRT")
      assert.notInclude(code, "of Node")
    })
  )
})
