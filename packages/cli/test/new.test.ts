/** `effect-lambda new` as a person runs it; that its projects test and build is shown by packages/test/Packages.test.ts. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as Template from "../src/new/Template.ts"
import { start } from "./support/cli.ts"

const folder = mkdtempSync(join(tmpdir(), "new-"))
afterAll(() => rmSync(folder, { recursive: true }))

const newProject = (...args: ReadonlyArray<string>) => start(["new", ...args], { cwd: folder }).ended

/** Everything below a folder of the test's. */
const filesIn = (name: string) =>
  readdirSync(join(folder, name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, name).length + 1))
    .toSorted()

const textOf = (...path: ReadonlyArray<string>) => readFileSync(join(folder, ...path), "utf8")

/** A tarball as npm makes them, with a manifest and one more file. */
const pack = (tarball: string, path: string) => {
  const source = mkdtempSync(join(folder, "pack-"))
  mkdirSync(join(source, "package", dirname(path)), { recursive: true })
  writeFileSync(join(source, "package/package.json"), "{}")
  writeFileSync(join(source, "package", path), "export {}\n")
  execFileSync("tar", ["-czf", tarball, "-C", source, "package/package.json", `package/${path}`])
}

const project = [
  ".gitignore",
  "README.md",
  "function/handler.mjs",
  "package.json",
  "src/extension.ts",
  "src/main.ts",
  "test/extension.test.ts",
  "tsconfig.json"
]

describe("effect-lambda new", () => {
  it("writes a project under the name of the extension, and says what to do next", async () => {
    const { code, output } = await newProject("demo")
    assert.strictEqual(code, 0, output)
    assert.deepStrictEqual(filesIn("demo"), project)
    for (const file of project) assert.notInclude(textOf("demo", file), "my-extension", file)
    const manifest = JSON.parse(textOf("demo/package.json"))
    assert.strictEqual(manifest.name, "demo")
    assert.strictEqual(manifest.effectLambda.name, "demo")
    assert.notMatch(textOf("demo/package.json"), /workspace:|catalog:|file:/)
    assert.match(output, /cd demo\n +npm install\n +npm test\n +npm run build\n/)
    assert.notInclude(output, "TELEMETRY_URL")
    // The version is 0.0.0, so `npm install` would answer E404.
    assert.include(output, "warning: effect-lambda is not published yet")
    assert.include(output, "--from /tmp/tarballs")
  })

  it("--telemetry: an extension that ships telemetry, into the folder of --dir", async () => {
    mkdirSync(join(folder, "empty"))
    const { code, output } = await newProject("shipper", "--telemetry", "--dir", "empty")
    assert.strictEqual(code, 0, output)
    assert.deepStrictEqual(filesIn("empty"), project)
    assert.include(textOf("empty/src/extension.ts"), "TelemetrySink")
    assert.include(output, "cd empty")
    assert.include(output, "the variable TELEMETRY_URL")
    const readme = textOf("empty/README.md")
    assert.match(readme, /^# shipper\n/)
    assert.include(readme, "| `TELEMETRY_URL` |")
  })

  it("--otel: an extension that sends OpenTelemetry, with a backend that prints and the wrapper in its layer", async () => {
    const { code, output } = await newProject("traced", "--otel")
    assert.strictEqual(code, 0, output)
    assert.deepStrictEqual(filesIn("traced"), [...project, "backend.mjs"].toSorted())
    assert.include(textOf("traced/src/extension.ts"), "prepare: (event)")
    assert.include(output, "the variable EFFECT_LAMBDA_OTLP_ENDPOINT")
    const manifest = JSON.parse(textOf("traced/package.json"))
    assert.containsAllKeys(manifest.dependencies, ["@effect-lambda/extension", "@effect-lambda/otel", "effect"])
    assert.containsAllKeys(manifest.scripts, ["build", "check", "dev", "emulate", "test"])
    assert.include(manifest.scripts.emulate, "--opt dist/traced-x64 ")
    assert.deepInclude(manifest.effectLambda, { name: "traced", entry: "src/main.ts", runtime: "managed" })
    // The layer of the package and that of the project are for the same function.
    const { effectLambda } = JSON.parse(readFileSync(join(import.meta.dirname, "../../otel/package.json"), "utf8"))
    assert.deepStrictEqual(manifest.effectLambda.variables, effectLambda.variables)
    assert.deepStrictEqual(Object.keys(manifest.effectLambda.files), Object.keys(effectLambda.files))
  })

  it("--from: every package of this repository is a tarball of that folder, those of packages too", async () => {
    const names = ["cli", "emulator", "extension", "extension-node"]
    mkdirSync(join(folder, "tarballs"))
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../package.json"), "utf8"))
    for (const name of names) pack(join(folder, "tarballs", `effect-lambda-${name}-${version}.tgz`), "dist/index.js")
    const { code, output } = await newProject("packed", "--from", "tarballs")
    assert.strictEqual(code, 0, output)
    const manifest = JSON.parse(textOf("packed/package.json"))
    const file = (name: string) => `file:${join(folder, "tarballs", `effect-lambda-${name}-${version}.tgz`)}`
    assert.deepStrictEqual(
      manifest.overrides,
      Object.fromEntries(names.map((name) => [`@effect-lambda/${name}`, file(name)]))
    )
    assert.strictEqual(manifest.dependencies["@effect-lambda/extension"], file("extension"))
    assert.strictEqual(manifest.devDependencies["@effect-lambda/cli"], file("cli"))
    assert.notInclude(output, "not published")
    const withOtel = await newProject("packed-otel", "--otel", "--from", "tarballs")
    assert.strictEqual(withOtel.code, 1)
    assert.include(withOtel.output, `has no effect-lambda-otel-${version}.tgz`)
  })

  it.each(["llrt", "auto"])("--runtime %s: the project is built for it, and for this processor", async (runtime) => {
    const tarballs = join(folder, `with-llrt-${runtime}`)
    mkdirSync(tarballs)
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../package.json"), "utf8"))
    for (const name of ["cli", "emulator", "extension", "extension-node"]) {
      pack(join(tarballs, `effect-lambda-${name}-${version}.tgz`), "dist/index.js")
    }
    const llrt = join(tarballs, "effect-lambda-llrt-linux-arm64-0.8.1-beta.20261128.tgz")
    writeFileSync(llrt, "")
    const { code, output } = await newProject(`on-${runtime}`, "--runtime", runtime, "--from", tarballs)
    assert.strictEqual(code, 0, output)
    const manifest = JSON.parse(textOf(`on-${runtime}`, "package.json"))
    assert.deepInclude(manifest.effectLambda, { name: `on-${runtime}`, runtime })
    assert.include(manifest.scripts.check, `dist/on-${runtime}-${process.arch === "arm64" ? "arm64" : "x64"}.zip`)
    assert.strictEqual(
      manifest.optionalDependencies["@effect-lambda/llrt-linux-arm64"],
      runtime === "llrt" ? `file:${llrt}` : undefined
    )
    assert.strictEqual(output.includes("EFFECT_LAMBDA_LLRT"), runtime === "llrt")
  })

  it("--from: refuses tarballs that were packed without being built", async () => {
    mkdirSync(join(folder, "unbuilt"))
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../package.json"), "utf8"))
    const tarball = (name: string) => `effect-lambda-${name}-${version}.tgz`
    for (const name of ["cli", "emulator"]) pack(join(folder, "unbuilt", tarball(name)), "dist/index.js")
    pack(join(folder, "unbuilt", tarball("extension")), "src/index.ts")
    writeFileSync(join(folder, "unbuilt", tarball("extension-node")), "")
    const { code, output } = await newProject("hollow", "--from", "unbuilt")
    assert.strictEqual(code, 1)
    // Broken into lines as wide as the terminal.
    const text = output.replaceAll(/\s+/g, " ")
    assert.include(text, `${tarball("extension")}, ${tarball("extension-node")} in --from ${join(folder, "unbuilt")}`)
    assert.include(text, "packed before it was built")
    assert.isFalse(existsSync(join(folder, "hollow")))
  })

  it("overwrites nothing", async () => {
    mkdirSync(join(folder, "mine"))
    writeFileSync(join(folder, "mine/notes.txt"), "mine")
    const { code, output } = await newProject("mine")
    assert.strictEqual(code, 1)
    assert.include(output, `the folder ${join(folder, "mine")} is not empty, and nothing is overwritten`)
    assert.deepStrictEqual(filesIn("mine"), ["notes.txt"])
  })

  it.each<readonly [string, ReadonlyArray<string>, string]>([
    ["no name, and no terminal to ask at", [], "Missing required argument: name"],
    ["a name that npm does not take", ["Wrong"], "lower-case letters"],
    ["an unknown flag", ["wrong", "--telemetri"], "--telemetry"],
    ["two kinds of project", ["wrong", "--telemetry", "--otel"], "--telemetry and --otel are two kinds of project"]
  ])("%s: one clear sentence, a non-zero exit, and nothing is written", async (_, args, text) => {
    const before = readdirSync(folder)
    const { code, output } = await newProject(...args)
    assert.notStrictEqual(code, 0, output)
    assert.include(output, text)
    assert.notMatch(output, /^ +at /m)
    assert.deepStrictEqual(readdirSync(folder), before)
  })
})

describe("a project that cannot be made", () => {
  const render = (name: string, from?: string) => Template.render({ name, kind: "hello", from })

  it.effect.each<readonly [string, string, string]>([
    ["a capital letter", "Wrong", "lower-case letters"],
    ["a folder", "../wrong", "lower-case letters"],
    ["a space", "wrong name", "lower-case letters"],
    ["nothing", "", "lower-case letters"],
    ["a hidden file", ".wrong", "behind the first of them"],
    ["too long", "w".repeat(101), "100 at most"],
    ["a folder of Lambda", "nodejs", "/opt/nodejs means something to Lambda"],
    ["a dependency", "vitest", "depends on the npm package vitest"]
  ])("a name that is %s", ([, name, text]) =>
    Effect.map(Effect.flip(render(name)), ({ cause }) => assert.include(cause, text))
  )

  it.effect("made of tarballs that are not there", () =>
    Effect.map(Effect.flip(render("name", folder)), ({ cause }) => {
      assert.include(cause, "has no effect-lambda-cli-")
      assert.include(cause, `pack --pack-destination ${folder}`)
    })
  )

  it.effect.each([
    ["a file", "/dev/null", "/dev/null is a file"],
    ["in a folder in which nothing can be written", "/proc/wrong", "mkdir '/proc/wrong'"],
    ["in a folder that does not exist", join(folder, "no/where"), "no such file or directory"]
  ])("a folder that is %s", ([, directory = "", text = ""]) =>
    Effect.gen(function* () {
      const { cause } = yield* Effect.flip(Template.write(directory, yield* render("name")))
      assert.include(cause, text)
    })
  )

  it.effect("half written", () =>
    Effect.gen(function* () {
      const directory = join(folder, "half")
      const files = [
        { path: "a/file", text: "" },
        { path: "a/file/below", text: "" }
      ]
      const { cause } = yield* Effect.flip(Template.write(directory, files))
      assert.include(cause, "the project cannot be written")
      assert.isFalse(existsSync(directory))
      mkdirSync(directory)
      yield* Effect.flip(Template.write(directory, files))
      assert.deepStrictEqual(readdirSync(directory), [])
    })
  )
})

it("the project has the versions of this workspace", () => {
  const workspace = readFileSync(join(import.meta.dirname, "../../../pnpm-workspace.yaml"), "utf8")
  const catalog = new Map(
    Array.from(workspace.matchAll(/^ {2}"?([^\s:"]+)"?: (\d\S*)$/gm), ([, name, version]) => [name, version])
  )
  const manifest = JSON.parse(readFileSync(join(import.meta.dirname, "../templates/common/package.json"), "utf8"))
  const own = Object.entries({
    ...manifest.dependencies,
    ...manifest.devDependencies,
    ...manifest.optionalDependencies
  }).filter(([name]) => !name.startsWith("@effect-lambda/"))
  assert.lengthOf(own, 7)
  for (const [name, version] of own) assert.strictEqual(version, catalog.get(name), name)
})
