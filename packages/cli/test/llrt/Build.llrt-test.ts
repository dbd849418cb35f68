/** Layers for LLRT, built with a real one: the same bytes each time, faults with their places, and a life in the emulator. */
import * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { execFileSync } from "node:child_process"
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { builtinModules } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Build from "../../src/build/Build.ts"
import * as LlrtModules from "../../src/build/LlrtModules.ts"
import * as Findings from "../../src/check/Findings.ts"
import * as FunctionRuntime from "../../src/check/FunctionRuntime.ts"
import * as LayerContent from "../../src/layer/LayerContent.ts"
import * as Llrt from "../../src/layer/Llrt.ts"
import * as SourceMap from "../../src/layer/SourceMap.ts"
import * as LayerConfig from "../../src/project/LayerConfig.ts"
import { arm64, llrtOf, x64 } from "../support/foreignLayer.ts"
import * as Project from "../support/projects.ts"
import { withBundle } from "../support/trial.ts"

const binary = process.env.EFFECT_LAMBDA_LLRT ?? ""
const own = process.arch === "arm64" ? "arm64" : "x64"
const folder = mkdtempSync(join(tmpdir(), "llrt-build-"))

afterAll(() => {
  Project.remove()
  rmSync(folder, { recursive: true })
})

/** What a program prints on the bare LLRT, without the prelude of a layer. */
const printed = (name: string, program: string) => {
  writeFileSync(join(folder, `${name}.mjs`), program)
  return execFileSync(binary, [`${name}.mjs`], { cwd: folder, encoding: "utf8", env: {} })
}

describe("the table of modules", () => {
  it("has the exports of each module", () => {
    const exports = JSON.parse(
      printed(
        "exports",
        `const names = ${JSON.stringify([...LlrtModules.modules.keys()])}
const found = []
for (const name of names) found.push([name, Object.keys(await import("node:" + name)).filter((key) => key !== "default").sort()])
console.log(JSON.stringify(found))`
      )
    )
    assert.deepStrictEqual(
      exports,
      Array.from(LlrtModules.modules, ([name, expected]) => [name, [...expected].toSorted()])
    )
  })

  it("lacks none that LLRT has", () => {
    const others = builtinModules.filter((name) => !name.startsWith("_") && !LlrtModules.modules.has(name))
    const found = printed(
      "others",
      `for (const name of ${JSON.stringify(others)}) await import(name).then(() => console.log(name), () => {})`
    )
    assert.strictEqual(found, "")
  })
})

const config = (files: Readonly<Record<string, string>>, name: string) =>
  LayerConfig.resolve(
    Project.make(name, { "package.json": Project.manifest({ runtime: "llrt", arch: own }), ...files }),
    {}
  )

const build = Effect.fnUntraced(function* (files: Readonly<Record<string, string>>, name: string) {
  return yield* withBundle(Build.run(yield* config(files, name), { check: false, zip: true }))
}, Effect.scoped)

const check = `export const check = (id: string): void => {
  console.log(new URL("page.html", import.meta.url).protocol)
  if (id.length > 1) throw new NoSecret("no such secret: " + id)
}
class NoSecret extends Error {}
`
const files = { "src/main.ts": Project.checking, "src/check.ts": check }

/** Values and functions of every kind that bytecode has, and an error in each kind of function. */
const kinds = String.raw`
const values = [1.5, -7, 2n ** 70n, -123456789012345678901234567890n, "ä", "\u20ac\ud83d\ude00", null, undefined, true, /a+(?<n>b)/u]
const tag = (strings, ...rest) => JSON.stringify([strings, strings.raw, rest])
class Base { #hidden = 3; static #count = 4; get hidden() { return this.#hidden + Base.#count } static { this.ready = "yes" } }
class Derived extends Base { constructor() { super(); this.own = new.target.name } }
function* numbers() { const local = 5; yield local; yield* [6, 7] }
const failing = [
  () => { let inner = 1; throw new Error("arrow " + inner) },
  function named(first, ...rest) { null.member },
  () => [...(function* () { throw new TypeError("generator") })()],
  () => new (class { field = undefinedName })(),
  () => { early; let early = 1 }
]
// The name of such a variable is left out.
for (const fail of failing) try { fail() } catch ({ message, stack }) { console.log(message.replace("early", "lexical variable"), stack) }
const seen = []
await (async () => { for await (const each of (async function* () { yield 8 })()) seen.push(each) })()
console.log(values.map(String).join("|"), tag${"`"}a${"$"}{1}\n${"`"}, new Derived().hidden, new Derived().own, Base.ready)
console.log([...numbers()].join(), seen.join(), new Function("a", "return a + 1")(1))
`
const evaluating = `
const scoped = (argument) => { let local = 2; return eval("argument + local") }
console.log(scoped(1), (0, eval)("3"))
`

describe("bytecode without sources", () => {
  const programs = { kinds, evaluating }
  it.each(Object.entries(programs))("runs as the whole does: %s", (name, program) => {
    const run = (bytes: Uint8Array) => {
      writeFileSync(join(folder, `${name}.lrt`), bytes)
      return execFileSync(binary, [`${name}.lrt`], { cwd: folder, encoding: "utf8", env: {} })
    }
    writeFileSync(join(folder, `${name}.mjs`), program)
    execFileSync(binary, ["compile", `${name}.mjs`, `${name}.lrt`], { cwd: folder, env: {} })
    const whole = Llrt.unpacked(readFileSync(join(folder, `${name}.lrt`)), readFileSync(binary))
    const stripped = Llrt.stripped(whole, program)
    assert.isBelow(stripped.length, whole.length)
    const expected = run(whole)
    assert.match(expected, /\S/)
    assert.strictEqual(run(stripped), expected)
  })
})

describe("a layer", () => {
  let built: Build.Built
  let again: Build.Built
  beforeAll(async () => {
    built = await Effect.runPromise(build(files, "here"))
    again = await Effect.runPromise(build(files, "there/and/elsewhere"))
  })
  const layer = () => built.layers[0] ?? assert.fail("no layer")

  it("has the same bytes in another folder", () => {
    assert.isDefined(layer().zip)
    assert.deepStrictEqual(layer().zip?.sha256, again.layers[0]?.zip?.sha256)
  })

  it("has LLRT, its start, the bytecode and the record, with the modes that Lambda wants", () => {
    const names = readdirSync(layer().directory, { recursive: true, encoding: "utf8" }).toSorted()
    assert.deepStrictEqual(
      names.filter((name) => name.includes(".") || /bin\/|extensions\//.test(name)),
      [
        "extensions/watcher",
        "watcher/bin/llrt",
        "watcher/bundle.lrt",
        "watcher/index.mjs",
        "watcher/llrt.json",
        "watcher/prelude.lrt"
      ]
    )
    assert.isBelow(layer().zip?.bytes ?? Number.NaN, 8 * 1024 * 1024)
    assert.strictEqual(built.runtime, "llrt")
    assert.deepStrictEqual(built.events, ["INVOKE", "SHUTDOWN"])
  })

  it.live("for the other processor has the same program, and that processor's LLRT", () =>
    Effect.gen(function* () {
      const other = own === "x64" ? "arm64" : "x64"
      const llrt = join(folder, "other-llrt")
      writeFileSync(llrt, llrtOf({ machine: own === "x64" ? arm64 : x64 }), { mode: 0o755 })
      const project = Project.make("other", { "package.json": Project.manifest({ runtime: "llrt" }), ...files })
      const config = yield* LayerConfig.resolve(project, { arch: "both", llrt: [binary, llrt] })
      const { layers, notes } = yield* withBundle(Build.run(config, { check: false, zip: false }))
      const read = (arch: string, path: string) =>
        readFileSync(join(layers.find((layer) => layer.arch === arch)?.directory ?? "", "watcher", path))
      for (const path of ["prelude.lrt", "bundle.lrt", "index.mjs"])
        assert.isTrue(read(own, path).equals(read(other, path)), path)
      assert.isTrue(read(own, "bin/llrt").equals(readFileSync(binary)))
      assert.isTrue(read(other, "bin/llrt").equals(readFileSync(llrt)))
      // The other binary is as cargo install would build it.
      assert.deepStrictEqual(
        notes.filter((note) => note.includes("resets its connection")).map((note) => note.split(":")[0]),
        [other]
      )
    })
  )

  it("has bytecode that no build of LLRT has packed, so every build of the version loads it", () => {
    assert.strictEqual(readFileSync(join(layer().directory, "watcher/bundle.lrt"), "latin1").slice(0, 6), "lrt01u")
  })

  it("has no source of a function, which each start would read", () => {
    const bytecode = readFileSync(join(layer().directory, "watcher/bundle.lrt"), "latin1")
    assert.include(bytecode, "no such secret")
    assert.notMatch(bytecode, /throw Error\(|=>\{|function\(/)
  })

  it("has nothing that check refuses, beside functions in any language", () => {
    const runtimes = FunctionRuntime.examples.split(", ").flatMap((id) => FunctionRuntime.parse(id) ?? [])
    const al2023 = runtimes.filter(({ image }) => image === "al2023")
    const content = Result.getOrThrow(LayerContent.open(layer().zip?.file ?? ""))
    const findings = Findings.find(content, { arch: own, runtimes: al2023, now: Date.now() })
    assert.deepStrictEqual(
      findings.filter(({ severity }) => severity === "error"),
      []
    )
  })

  it("the note of the trial run names the place in the sources", () => {
    assert.match(built.notes.join("\n"), /no such secret: .*\(src\/check\.ts:3:\d+\)/)
  })

  it.live("runs from its stub, and the map finds the place of an error", () =>
    Effect.gen(function* () {
      const emulator = yield* Emulator.make({
        extensions: { opt: layer().directory },
        function: { handler: join(import.meta.dirname, "../fixtures/handler.mjs") }
      })
      const { functionError, requestId } = yield* emulator.invoke("{}")
      assert.isUndefined(functionError)
      yield* emulator.journal.waitFor(
        Journal.is("InvocationDone", (done) => done.requestId === requestId),
        "1 minute"
      )
      yield* emulator.shutdown()
      const entries = yield* emulator.journal.entries
      const registered = entries.filter(Journal.is("Registered")).map(({ events, source }) => [source, events])
      assert.deepStrictEqual(registered, [["extension:watcher", ["INVOKE", "SHUTDOWN"]]])
      const ended = entries.find(Journal.is("ProcessExited", ({ source }) => source === "extension:watcher"))
      assert.deepInclude(ended, { state: "Exited", status: { _tag: "Code", code: 0 } })
      const log = entries.filter(Journal.is("Output")).map(({ line }) => line)
      assert.include(log.join("\n"), "file:")
      const error = log.find((line) => line.includes("no such secret")) ?? ""
      assert.match(error, /\/watcher\/bundle\.lrt:\d+:\d+/)
      const positions = SourceMap.positionsBeside([join(layer().directory, "extensions/watcher")])
      assert.strictEqual(positions?.own(error)?.replace(/\d+$/, "N"), "src/check.ts:3:N")
    })
  )

  const half = (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)
  it.live.each<readonly [what: string, file: string, spoil: (bytes: Buffer) => Uint8Array | string]>([
    ["no program", "bundle.lrt", () => ""],
    ["half of the program", "bundle.lrt", half],
    ["half of the prelude", "prelude.lrt", half],
    ["a text as its program", "bundle.lrt", () => "console.log(1)\n"]
  ])("with %s writes one FATAL line, and reports it", ([what, file, spoil]) =>
    Effect.gen(function* () {
      const opt = join(folder, what)
      cpSync(layer().directory, opt, { recursive: true })
      const path = join(opt, "watcher", file)
      writeFileSync(path, spoil(readFileSync(path)))
      const emulator = yield* Emulator.make({
        extensions: { opt },
        function: { handler: join(import.meta.dirname, "../fixtures/handler.mjs") }
      })
      yield* emulator.journal.waitFor(Journal.is("InitEnded"), "1 minute")
      const entries = yield* emulator.journal.entries
      const report = entries.find(Journal.is("ErrorReported"))
      assert.strictEqual(report?.errorType, "Extension.LoadError")
      const log = entries.filter(Journal.is("Output")).map(({ line }) => line)
      assert.lengthOf(log, 1)
      assert.include(JSON.parse(log[0] ?? "").message, `${file} may be incomplete or from another version of LLRT`)
    })
  )
})

describe("a program that cannot be built", () => {
  const refusal = Effect.fnUntraced(function* (files: Readonly<Record<string, string>>, name: string) {
    const { cause } = yield* Effect.flip(build(files, name))
    assert.isFalse(existsSync(join(Project.folder, name, "dist")), "nothing is written")
    return String(cause)
  })

  it.live("throws when it is loaded: the place is one in the sources", () =>
    Effect.gen(function* () {
      const said = yield* refusal(
        { "src/main.ts": '\nif (process.argv.length > 0) throw new Error("no luck")' },
        "throws"
      )
      assert.include(said, "the extension did not start in its trial run")
      assert.match(said, /no luck.*src\/main\.ts:2:\d+/s)
    })
  )

  it.live("uses a module that LLRT lacks", () =>
    Effect.gen(function* () {
      const said = yield* refusal({ "src/main.ts": 'import "node:cluster"' }, "lacks")
      assert.include(said, "src/main.ts:1:8: node:cluster is missing in LLRT")
    })
  )

  it.live.each<readonly [name: string, expression: string, what: string]>([
    ["a regular expression with a flag inside", "(?i:a)b/", "invalid group"],
    ["a regular expression with a group twice", "(?<y>a)|(?<y>b)/", "duplicate group name"]
  ])("%s that LLRT does not know has its place", ([name, expression, what]) =>
    Effect.gen(function* () {
      const program = `console.log(/fine/u.test("a"))\nexport const wrong =\n  () => /${expression}`
      const said = yield* refusal({ "src/main.ts": program }, name)
      assert.match(said, new RegExp(`src/main\\.ts:3:9: ${what}: LLRT \\S+ does not know this syntax`))
    })
  )

  it.live("has a decorator: the message has a place in the file", () =>
    Effect.gen(function* () {
      const program = "const wrap = (v: unknown, _: unknown) => v\n\nclass A {\n  @wrap m() {}\n}\nconsole.log(new A())"
      assert.match(
        yield* refusal({ "src/main.ts": program }, "decorator"),
        /src\/main\.ts:\d+:\d+: invalid property name: LLRT/
      )
    })
  )
})
