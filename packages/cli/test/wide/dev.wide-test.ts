/** `effect-lambda dev` as a person uses it: sources that change, invokes over HTTP, Ctrl-C. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { createServer, type AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { start } from "../support/cli.ts"

const root = join(import.meta.dirname, "../../../..")
const hello = readFileSync(join(root, "packages/examples/hello/src/hello.ts"), "utf8")
const handler = "export const handler = async (event) => ({ hello: event.name })\n"
const folder = mkdtempSync(join(tmpdir(), "dev-"))
const temporary = join(folder, "tmp")
mkdirSync(temporary)
symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
afterAll(() => rmSync(folder, { recursive: true }))

/** A project with the hello extension, and dev at work on it. */
const dev = (name: string, source: string, flags: ReadonlyArray<string> = [], effectLambda: object = {}) => {
  const project = join(folder, name)
  mkdirSync(join(project, "src"), { recursive: true })
  writeFileSync(join(project, "package.json"), JSON.stringify({ name, type: "module", effectLambda }))
  writeFileSync(join(project, "handler.mjs"), handler)
  const main = join(project, "src/main.ts")
  writeFileSync(main, source)
  const args = ["dev", "--function", "handler.mjs", "--invoke-port", "0", "--timeout", "10", ...flags]
  const run = start(args, { cwd: project, env: { TMPDIR: temporary } })
  return { ...run, main, project }
}

const invoke = async (endpoint = "") => {
  const response = await fetch(`${endpoint}/2015-03-31/functions/function/invocations`, {
    method: "POST",
    body: '{"name":"Ada"}',
    signal: AbortSignal.timeout(30_000)
  })
  return response.text()
}

const endpointPattern = /(http:\/\/127\.0\.0\.1:\d+)\/2015-03-31/

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe("effect-lambda dev", () => {
  it("gives the processes the region and the kind of init that flags name", async () => {
    const flags = ["--region", "eu-west-3", "--init-type", "provisioned-concurrency", "--log-format", "json", "--logs"]
    const names = ["AWS_REGION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_FORMAT"]
    const printing = `${hello}\nconsole.log(${names.map((name) => `process.env["${name}"]`).join(", ")})\n`
    const { child, ended, seen } = dev("flags", printing, flags)
    await seen(/^eu-west-3 provisioned-concurrency JSON$/m)
    await seen(/watching/)
    child.kill("SIGINT")
    const { code, output } = await ended
    assert.strictEqual(code, 0, output)
  })

  it("starts eagerly if package.json says so: the entry polls long before the program has come up", async () => {
    const slow = hello.replace("\n", "\nAtomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000)\n")
    const { child, ended, seen } = dev("eager", slow, [], { start: "eager" })
    await seen(/watching/)
    child.kill("SIGINT")
    const { code, output } = await ended
    assert.strictEqual(code, 0, output)
    const [, ready = ""] = /^ *(\d+) +\S+ +eager +[-\d]+ +next$/m.exec(output) ?? []
    const [, registered = ""] = /^ *(\d+) +\S+ +eager +[-\d]+ +registered/m.exec(output) ?? []
    assert.isBelow(Number(ready) - Number(registered), 3000, output)
  })

  it("refuses a variable that Lambda sets itself", async () => {
    const { code, output } = await dev("refused", hello, ["--env", "AWS_LAMBDA_FUNCTION_NAME=x"]).ended
    assert.strictEqual(code, 1, output)
    assert.include(output, 'the variable "AWS_LAMBDA_FUNCTION_NAME" is set by Lambda itself: leave it out')
  })

  it("runs what the sources say now, keeps what works, and ends in order with Ctrl-C", async () => {
    const { child, ended, main, project, seen } = dev("changing", hello)
    await seen(/dev: bundled in \d+ ms, started in \d+ ms/)
    const [, endpoint] = await seen(endpointPattern)
    assert.strictEqual(await invoke(endpoint), '{"hello":"Ada"}')
    await seen(/\d ms left/)

    // Editors save beside the file, then move it into its place.
    writeFileSync(`${main}~`, hello.replace("ms left", "ms remain"))
    renameSync(`${main}~`, main)
    await seen(
      /every process is gone\ndev: changed, trying the program once …\n[^]*dev: bundled in \d+ ms, restarted in \d+ ms/
    )
    assert.strictEqual(await invoke(endpoint), '{"hello":"Ada"}')
    await seen(/\d ms remain/)

    appendFileSync(main, "}{\n")
    await seen(/dev: src\/main\.ts:\d+:\d+: .+\ndev: the build before runs on/)
    assert.strictEqual(await invoke(endpoint), '{"hello":"Ada"}')

    writeFileSync(main, `${hello}\nthrow new Error("at start")\n`)
    await seen(/program could not be loaded: at start.*src\/main\.ts:\d+:\d+[^]*dev: the build before runs on/)
    await seen(/init ended: success[^]*init ended: success[^]*init ended: success/)
    assert.strictEqual(await invoke(endpoint), '{"hello":"Ada"}')
    await seen(/(\d ms remain[^]*){3}/)

    // A change in the middle of a restart is not lost.
    writeFileSync(join(project, "handler.mjs"), handler.replace("hello:", "goodbye:"))
    await seen(/(SIGTERM sent[^]*){3}/)
    writeFileSync(main, hello.replace("ms left", "ms are still left"))
    await seen(/(restarted in[^]*){2}/)
    assert.strictEqual(await invoke(endpoint), '{"goodbye":"Ada"}')
    await seen(/\d ms are still left/)

    child.kill("SIGINT")
    const { code, output } = await ended
    assert.strictEqual(code, 0, output)
    assert.match(output, /1 invocations, then shutdown: spindown[^]*every process is gone[^]*5 invocations\n/)
    const processes = Array.from(output.matchAll(/started, process (\d+)/g), ([, pid]) => Number(pid))
    assert.isAtLeast(processes.length, 8)
    assert.deepStrictEqual(processes.filter(isAlive), [])
    assert.deepStrictEqual(readdirSync(temporary), [], "nothing is left in the folder for temporary files")
  })

  it("waits if the first build fails, and starts when the program is repaired", async () => {
    const { child, ended, main, seen } = dev("broken", "}{")
    await seen(/dev: nothing runs until the next change/)
    writeFileSync(main, hello)
    await seen(/dev: bundled in \d+ ms, started in \d+ ms/)
    // A closed terminal sends both: one from the shell, and one from the system.
    child.kill("SIGHUP")
    await seen(/SIGTERM sent/)
    child.kill("SIGHUP")
    const { code, output } = await ended
    assert.strictEqual(code, 0, output)
    assert.match(output, /SHUTDOWN spindown[^]*every process is gone/)
    assert.deepStrictEqual(readdirSync(temporary), [], "nothing is left in the folder for temporary files")
  })

  it("an error in the trial run is shown with its cause, and the program still runs", async () => {
    const source = readFileSync(join(root, "packages/examples/telemetry-ship/src/telemetry-ship.ts"), "utf8")
    const { child, ended, seen } = dev("variables", `${source}console.error(new Error("look here").stack)\n`)
    await seen(
      /dev: the trial run had errors; if the program needs variables, .+ --env KEY=VALUE\n  init failed; .+TELEMETRY_URL/
    )
    // The place is that in the source, not in the bundle.
    await seen(/\| Error: look here\n.*\| +at \S+ \(src\/main\.ts:\d+:\d+\)\n/)
    await seen(/dev: bundled in \d+ ms, started in \d+ ms/)
    child.kill("SIGINT")
    const { code, output } = await ended
    assert.strictEqual(code, 0, output)
    assert.match(output, /^note: variables logged an error: init failed; .+TELEMETRY_URL/m)
  })

  it("a port in use and a missing function are one clear sentence and a non-zero exit", async () => {
    const server = createServer().listen(0, "127.0.0.1")
    await new Promise((resolve) => server.once("listening", resolve))
    const { port } = server.address() as AddressInfo
    const cwd = join(folder, "broken")
    const inUse = await start(["dev", "-f", "handler.mjs", "--invoke-port", String(port)], { cwd }).ended
    server.close()
    const missing = await start(["dev", "-f", "nowhere.mjs", "--invoke-port", "0"], { cwd }).ended
    for (const [{ code, output }, text] of [
      [inUse, `127.0.0.1:${port}: the port is in use. Choose another port with --invoke-port, or 0`],
      [missing, "nowhere.mjs"]
    ] as const) {
      assert.strictEqual(code, 1, output)
      assert.include(output, text)
      assert.notMatch(output, /^ +at /m)
    }
  })
})
