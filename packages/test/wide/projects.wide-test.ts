/** Projects of `new`, `new --telemetry` and `new --otel`, with the packed tarballs and the packages of the registry. */
import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { pack, type Packed, published, run, typesProblems } from "../packed.ts"

let packed: Packed

beforeAll(async () => {
  packed = await pack()
}, 120_000)

afterAll(() => rm(packed.folder, { recursive: true, force: true }))

it.each(published)("the types of @effect-lambda/%s resolve for every way of importing", async (name) => {
  assert.strictEqual(await typesProblems(packed, name), "")
})

it("new, npm install, npm test, npm run build, all on Node from the registry", { timeout: 120_000 }, async () => {
  await packed.cli("new", "demo", "--from", "tarballs")
  await packed.npm("demo", "install", "--prefer-offline", "--no-audit", "--no-fund")
  const node = await packed.npm(
    "demo",
    "exec",
    "--offline",
    "--",
    "node",
    "--print",
    "process.execPath + process.version"
  )
  assert.match(node, /demo\/node_modules\/.*v24\./)
  const layers = await packed.testAndBuild("demo")
  assert.deepStrictEqual(layers, ["demo-arm64", "demo-arm64.zip", "demo-x64", "demo-x64.zip", "demo.map"])
  assert.include(await packed.npm("demo", "run", "check"), "demo-x64.zip: nothing found")
  assert.include(await packed.npm("demo", "run", "emulate"), "3 invocations, then shutdown: spindown")
})

it("new --telemetry, npm test, npm run build", { timeout: 120_000 }, async () => {
  await packed.cli("new", "shipper", "--from", "tarballs", "--telemetry")
  // Both have the same dependencies.
  await rename(join(packed.folder, "demo/node_modules"), join(packed.folder, "shipper/node_modules"))
  const layers = await packed.testAndBuild("shipper")
  assert.deepStrictEqual(layers, [
    "shipper-arm64",
    "shipper-arm64.zip",
    "shipper-x64",
    "shipper-x64.zip",
    "shipper.map"
  ])
  assert.include(await packed.npm("shipper", "run", "emulate"), "TELEMETRY_URL is not set")
  // No server listens there, which the script does not let pass.
  const { message } = await packed
    .npm("shipper", "run", "emulate", "--", "--env", "TELEMETRY_URL=http://127.0.0.1:9/")
    .then(
      () => assert.fail("exit code 0"),
      (error: Error) => error
    )
  assert.notInclude(message, "TELEMETRY_URL is not set")
  assert.match(message, /^problem: shipper lost \d+ telemetry records that it had to send/m)
})

it("new --otel, npm run build, npm run emulate beside its backend", { timeout: 120_000 }, async () => {
  await packed.cli("new", "traced", "--from", "tarballs", "--otel")
  // One package more than the others.
  const installed = join(packed.folder, "traced/node_modules/@effect-lambda/otel")
  await rename(join(packed.folder, "shipper/node_modules"), join(packed.folder, "traced/node_modules"))
  await mkdir(installed)
  await run("tar", ["-xzf", packed.tarballs.get("otel")!, "--strip-components=1", "-C", installed], packed.folder)
  // The build checks the types.
  await packed.npm("traced", "run", "build")
  for (const arch of ["x64", "arm64"]) {
    const opt = join(packed.folder, "traced/dist", `traced-${arch}`)
    assert.sameMembers(await readdir(opt), ["extensions", "otel-wrapper", "traced"])
    assert.strictEqual((await stat(join(opt, "otel-wrapper"))).mode & 0o777, 0o755)
  }
  const output = await packed.npm("traced", "run", "emulate")
  assert.include(output, "no extension crashed or overran")
  assert.lengthOf(output.match(/^backend: trace [0-9a-f]{32}: span "function", /gm) ?? [], 3)
  assert.lengthOf(output.match(/^backend: log .*hello world.* \(trace [0-9a-f]{32}\)$/gm) ?? [], 3)
  assert.match(output, /^backend: metric faas\.coldstarts: 1 /m)
})
