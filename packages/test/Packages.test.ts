/** The packed tarballs, as a user gets them: what publint and attw say, what Node can import, and a first project. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"

const packages = join(import.meta.dirname, "..")
const published = ["extension", "extension-node", "emulator", "otel", "cli"] as const

/** Runs to the end, at most for two minutes. */
const run = async (command: string, args: ReadonlyArray<string>, cwd: string, env = process.env) => {
  const options = { cwd, env, maxBuffer: 16 * 1024 * 1024, timeout: 120_000 }
  const result = await promisify(execFile)(command, args, options).catch(
    (error: { stdout: string; stderr: string; message: string }) => {
      throw new Error(`${command} ${args.join(" ")}: ${error.message}\n${error.stdout}\n${error.stderr}`)
    }
  )
  return result.stdout
}

// A public module has another name for it: `Fault.Route`.
const aliases = new Set(["RouteName"])

let folder = ""
const tarballs = new Map<string, string>()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "packages-"))
  const filters = published.flatMap((name) => ["--filter", `@effect-lambda/${name}`])
  const pack = ["-r", ...filters, "pack", "--pack-destination", join(folder, "tarballs")]
  await run("npx", ["--yes", "pnpm@12.21.0", ...pack], packages)

  // Installed as npm would, with links into the workspace for what they depend on.
  const modules = join(folder, "project/node_modules")
  const dependencies = new Set<string>()
  for (const name of published) {
    const manifest = JSON.parse(await readFile(join(packages, name, "package.json"), "utf8"))
    const tarball = join(folder, "tarballs", `effect-lambda-${name}-${manifest.version}.tgz`)
    tarballs.set(name, tarball)
    const installed = join(modules, "@effect-lambda", name)
    await mkdir(installed, { recursive: true })
    await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", installed], folder)
    for (const dependency of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
      if (!dependency.startsWith("@effect-lambda/")) dependencies.add(dependency)
    }
  }
  await mkdir(join(modules, "@effect"))
  for (const dependency of dependencies) {
    await symlink(join(packages, "cli/node_modules", dependency), join(modules, dependency))
  }
  await writeFile(join(folder, "project/package.json"), '{"type":"module"}')
}, 120_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

describe.each(published)("@effect-lambda/%s", (name) => {
  it("publint has nothing to say", async () => {
    assert.include(await run("publint", ["run", tarballs.get(name)!, "--strict"], folder), "All good!")
  })

  it("its types resolve for every way of importing", async () => {
    // Silent, and an exit code that fails the command if anything is wrong.
    const output = await run("attw", [tarballs.get(name)!, "--profile", "esm-only", "--quiet"], folder)
    assert.strictEqual(output.trim(), "")
  })

  it("holds sources and build, no tests, no workspace or catalog references", async () => {
    const installed = join(folder, "project/node_modules/@effect-lambda", name)
    const entries = await readdir(installed)
    assert.includeMembers(entries, ["dist", "src", "package.json"])
    assert.notInclude(entries, "test")
    const manifest = await readFile(join(installed, "package.json"), "utf8")
    assert.notMatch(manifest, /workspace:|catalog:/)
    assert.include(manifest, '"effect": "^4.1.0"')
  })
})

describe.each(["extension", "extension-node", "emulator", "otel"])("@effect-lambda/%s", (name) => {
  it("every public module can be imported, internals cannot", async () => {
    const installed = join(folder, "project/node_modules/@effect-lambda", name)
    const all = (await readdir(join(installed, "dist"), { recursive: true }))
      .filter((file) => file.endsWith(".js"))
      .map((file) => file.slice(0, -3))
    const closed = all.filter((module) => /(^|\/)(internal\/|(index|main)$)/.test(module))
    const barrels = closed.filter((module) => module.endsWith("/index")).map((module) => module.slice(0, -6))
    const modules = [...all.filter((module) => !closed.includes(module)), ...barrels]
    const script = `
      const missing = []
      for (const module of ${JSON.stringify(["", ...modules.map((module) => `/${module}`)])}) {
        await import("@effect-lambda/${name}" + module)
      }
      for (const module of ${JSON.stringify(closed)}) {
        const open = await import("@effect-lambda/${name}/" + module).then(() => true, () => false)
        if (open) missing.push(module)
      }
      console.log(JSON.stringify(missing))`
    await writeFile(join(folder, "project/imports.mjs"), script)
    assert.strictEqual((await run(process.execPath, ["imports.mjs"], join(folder, "project"))).trim(), "[]")
  })
})

it("the packed extension-node gives each runtime its module", async () => {
  const installed = join(folder, "project/node_modules/@effect-lambda/extension-node")
  const script =
    'const { sinkClient } = await import("#runtime"); console.log(import.meta.resolve("#runtime"), typeof sinkClient)'
  for (const [condition, module] of [
    ["default", "node"],
    ["bun", "bun"]
  ]) {
    const args = [`--conditions=${condition}`, "--input-type=module", "--eval", script]
    const said = await run(process.execPath, args, installed)
    assert.isTrue(said.trim().endsWith(`/extension-node/dist/internal/runtime/${module}.js object`), said)
  }
})

// The compiler writes the path of an internal module into a user's declarations, without an error, if a type has no other name.
it.each(["extension", "extension-node", "emulator", "otel"])(
  "@effect-lambda/%s: every type in a declaration has a public name",
  async (name) => {
    const dist = join(folder, "project/node_modules/@effect-lambda", name, "dist")
    const files = (await readdir(dist, { recursive: true })).filter((file) =>
      /^(?!.*\binternal\/).*\.d\.ts$/.test(file)
    )
    const used = new Set<string>()
    const named = new Set<string>()
    for (const file of files) {
      const text = await readFile(join(dist, file), "utf8")
      for (const [, how, list = ""] of text.matchAll(/^(import|export) (.*) from ".*\binternal\/.*";$/gm)) {
        const names = list.replaceAll(/type |[{}]/g, "").split(",")
        for (const each of names) (how === "import" ? used : named).add(each.trim())
      }
    }
    assert.deepStrictEqual(
      [...used].filter((each) => !named.has(each) && !aliases.has(each)),
      []
    )
  }
)

describe("the packed bin, outside of the workspace", () => {
  const cli = (...args: ReadonlyArray<string>) => {
    const bin = join(folder, "project/node_modules/@effect-lambda/cli/bin/effect-lambda.mjs")
    return run(process.execPath, [bin, ...args], folder)
  }
  // As on a machine that has Node and npm, but not this workspace.
  const path = (process.env["PATH"] ?? "").split(":").filter((directory) => !directory.includes("node_modules"))
  const npm = (project: string, ...args: ReadonlyArray<string>) =>
    run("npm", args, join(folder, project), { PATH: path.join(":"), HOME: process.env["HOME"] })

  const testAndBuild = async (project: string) => {
    assert.match(await npm(project, "test"), /Tests .*1 passed/)
    await npm(project, "run", "build")
    return (await readdir(join(folder, project, "dist"))).toSorted()
  }

  it("runs", async () => {
    assert.include(await cli("emulate", "--help"), "EXAMPLES")
  })

  it("writes a report with the stylesheet and the script that it brings", async () => {
    const [handler, report] = [join(folder, "handler.mjs"), join(folder, "run.html")]
    await writeFile(handler, "export const handler = async () => 1")
    await cli("emulate", "--function", handler, "--invocations", "1", "--report", report)
    assert.include(await readFile(report, "utf8"), "DecompressionStream")
  })

  it("new, npm install, npm test, npm run build, all on Node from the registry", { timeout: 120_000 }, async () => {
    await cli("new", "demo", "--from", "tarballs")
    await npm("demo", "install", "--prefer-offline", "--no-audit", "--no-fund")
    const node = await npm("demo", "exec", "--offline", "--", "node", "--print", "process.execPath + process.version")
    assert.match(node, /demo\/node_modules\/.*v24\./)
    const layers = await testAndBuild("demo")
    assert.deepStrictEqual(layers, ["demo-arm64", "demo-arm64.zip", "demo-x64", "demo-x64.zip", "demo.map"])
    assert.include(await npm("demo", "run", "check"), "demo-x64.zip: nothing found")
    assert.include(await npm("demo", "run", "emulate"), "3 invocations, then shutdown: spindown")
  })

  it("new --telemetry, npm test, npm run build", { timeout: 120_000 }, async () => {
    await cli("new", "shipper", "--from", "tarballs", "--telemetry")
    // Both have the same dependencies.
    await rename(join(folder, "demo/node_modules"), join(folder, "shipper/node_modules"))
    const layers = await testAndBuild("shipper")
    assert.deepStrictEqual(layers, [
      "shipper-arm64",
      "shipper-arm64.zip",
      "shipper-x64",
      "shipper-x64.zip",
      "shipper.map"
    ])
    assert.include(await npm("shipper", "run", "emulate"), "TELEMETRY_URL is not set")
    // No server listens there, which the script does not let pass.
    const { message } = await npm("shipper", "run", "emulate", "--", "--env", "TELEMETRY_URL=http://127.0.0.1:9/").then(
      () => assert.fail("exit code 0"),
      (error: Error) => error
    )
    assert.notInclude(message, "TELEMETRY_URL is not set")
    assert.match(message, /^problem: shipper lost \d+ telemetry records that it had to send/m)
  })

  it("new --otel, npm run build, npm run emulate beside its backend", { timeout: 120_000 }, async () => {
    await cli("new", "traced", "--from", "tarballs", "--otel")
    // One package more than the others.
    const installed = join(folder, "traced/node_modules/@effect-lambda/otel")
    await rename(join(folder, "shipper/node_modules"), join(folder, "traced/node_modules"))
    await mkdir(installed)
    await run("tar", ["-xzf", tarballs.get("otel")!, "--strip-components=1", "-C", installed], folder)
    // The build checks the types.
    await npm("traced", "run", "build")
    for (const arch of ["x64", "arm64"]) {
      const opt = join(folder, "traced/dist", `traced-${arch}`)
      assert.sameMembers(await readdir(opt), ["extensions", "otel-wrapper", "traced"])
      assert.strictEqual((await stat(join(opt, "otel-wrapper"))).mode & 0o777, 0o755)
    }
    const output = await npm("traced", "run", "emulate")
    assert.include(output, "no extension crashed or overran")
    assert.lengthOf(output.match(/^backend: trace [0-9a-f]{32}: span "function", /gm) ?? [], 3)
    assert.lengthOf(output.match(/^backend: log .*hello world.* \(trace [0-9a-f]{32}\)$/gm) ?? [], 3)
    assert.match(output, /^backend: metric faas\.coldstarts: 1 /m)
  })
})
