/** The lives of a first flush, and the budgets of its figures. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { missed, resultOf } from "../src/first-flush/figures.ts"
import { open, type Scheme } from "../src/first-flush/lab.ts"
import { type Life, live, type Ship } from "../src/first-flush/life.ts"

const folder = mkdtempSync(join(tmpdir(), "first-flush-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A program as an executable file, as a layer has it. */
const program = (name: string, source: string): string => {
  const file = join(folder, name)
  writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' ${source}\n`, { mode: 0o755 })
  return file
}

const ship = (scheme: Scheme, file: string): Ship => ({
  label: "a layer",
  file,
  env: { PATH: "/usr/bin:/bin" },
  scheme
})

const telemetryShip = join(import.meta.dirname, "../../examples/telemetry-ship/src/telemetry-ship.ts")

it.each(["http", "https"] as const)("measures a life over %s, and sees every record arrive", async (scheme) => {
  const { signal } = new AbortController()
  const lab = await open(signal)
  const life = await live(lab, ship(scheme, program("telemetry-ship", `'${telemetryShip}'`)), 30, signal)
  assert.strictEqual(lab.taken(), 31)
  lab.close()
  assert.isAbove(life.firstNextCpuMillis, 0)
  assert.isAbove(life.flushCpuMillis, 0)
  assert.isAbove(life.flushMillis, 25)
  assert.isAtLeast(life.peakMegabytes, life.flushedMegabytes)
  assert.isTrue(life.firstNext < life.flushFrom && life.flushFrom < life.flushTo)
})

it("says what a program printed that ends before its first poll", async () => {
  const { signal } = new AbortController()
  const lab = await open(signal)
  const early = ship("http", program("early", `-e 'console.log("no url"); process.exit(3)'`))
  const error: unknown = await live(lab, early, 1, signal).catch((cause: unknown) => cause)
  lab.close()
  assert.strictEqual(String(error), "Error: a layer ended with 3 too early: no url\n")
})

describe("the budgets", () => {
  const life = (flushCpuMillis: number, flushedMegabytes: number): Life => ({
    firstNextCpuMillis: 40,
    firstNextMegabytes: 60,
    flushCpuMillis,
    flushMillis: 40,
    flushedMegabytes,
    peakMegabytes: 90
  })
  const both = { http: ship("http", "a"), https: ship("https", "b") }
  const fetch = { http: ship("http", "c"), https: ship("https", "d") }
  const missedBy = (http: Life, https: Life) =>
    missed(resultOf(both, fetch, (of) => [of === both.http ? http : of === both.https ? https : life(40, 80)]))

  it("are met at their bounds", () => {
    assert.deepStrictEqual(missedBy(life(20, 74), life(32, 74)), [])
  })

  it("name the figure and the scheme that miss them", () => {
    assert.deepStrictEqual(missedBy(life(20.1, 74), life(32, 74.1)), [
      "CPU of the first flush, http",
      "memory, after the first flush, https"
    ])
  })
})
