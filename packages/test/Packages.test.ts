/** The packed tarballs, as a user gets them: what publint and attw say, and what Node can import. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"

const packages = join(import.meta.dirname, "..")
const published = ["extension", "extension-node", "emulator", "cli"] as const

const run = async (command: string, args: ReadonlyArray<string>, cwd: string) => {
  const result = await promisify(execFile)(command, args, { cwd, maxBuffer: 16 * 1024 * 1024 }).catch(
    (error: { stdout: string; stderr: string; message: string }) => {
      throw new Error(`${command} ${args.join(" ")}: ${error.message}\n${error.stdout}\n${error.stderr}`)
    }
  )
  return result.stdout
}

let folder = ""
const tarballs = new Map<string, string>()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "packages-"))
  await run("tsc", ["-b", packages], packages)
  for (const name of published) {
    const destination = join(folder, name)
    await mkdir(destination)
    await run("npx", ["--yes", "pnpm@12.21.0", "pack", "--pack-destination", destination], join(packages, name))
    const [file] = await readdir(destination)
    assert.isDefined(file)
    tarballs.set(name, join(destination, file))
    const installed = join(folder, "project/node_modules/@effect-lambda", name)
    await mkdir(installed, { recursive: true })
    await run("tar", ["-xzf", join(destination, file), "--strip-components=1", "-C", installed], folder)
  }
  const dependencies = join(packages, "cli/node_modules")
  await mkdir(join(folder, "project/node_modules/@effect"))
  for (const name of ["effect", "@effect/platform-node", "fflate", "rolldown"]) {
    await symlink(join(dependencies, name), join(folder, "project/node_modules", name))
  }
  await writeFile(join(folder, "project/package.json"), '{"type":"module"}')
}, 120_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

describe.each(published)("@effect-lambda/%s", (name) => {
  it("publint has nothing to say", async () => {
    assert.include(await run("publint", ["run", tarballs.get(name)!, "--strict"], folder), "All good!")
  })

  it("its types resolve for every way of importing", { timeout: 60_000 }, async () => {
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

describe.each(["extension", "extension-node", "emulator"])("@effect-lambda/%s", (name) => {
  it("every public module can be imported, internals cannot", async () => {
    const installed = join(folder, "project/node_modules/@effect-lambda", name)
    const modules = (await readdir(join(installed, "dist")))
      .filter((file) => file.endsWith(".js") && file !== "index.js")
      .map((file) => file.slice(0, -3))
    const internals = await readdir(join(installed, "dist/internal")).catch(() => [])
    const closed = [
      ...internals.filter((file) => file.endsWith(".js")).map((file) => `internal/${file.slice(0, -3)}`),
      "index"
    ]
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

it("the packed bin runs", async () => {
  const bin = join(folder, "project/node_modules/@effect-lambda/cli/bin/effect-lambda.mjs")
  assert.include(await run(process.execPath, [bin, "emulate", "--help"], folder), "EXAMPLES")
})
