/** The processes that are measured: each is measured, and none outlives the benchmark. */
import { afterAll, assert, it, vi } from "@effect/vitest"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { open } from "../src/platform.ts"
import { makeRequests } from "../src/telemetry/batches.ts"
import { round } from "../src/telemetry/round.ts"
import { start } from "../src/telemetry/server.ts"

const fixture = (name: string) => join(import.meta.dirname, "../fixtures", name)
const folder = mkdtempSync(join(tmpdir(), "benchmark-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A program that does nothing but write down its process id. */
const idle = (name: string) => {
  const file = join(folder, name)
  const code = `require("node:fs").writeFileSync(${JSON.stringify(file)}, String(process.pid)); setInterval(() => {}, 1000)`
  const pid = () => vi.waitUntil(() => existsSync(file) && Number(readFileSync(file, "utf8")), { timeout: 60_000 })
  return { code, pid }
}

it("measures one life of a program", async () => {
  const platform = await open(new AbortController().signal)
  const raw = {
    label: "raw",
    command: [process.execPath, fixture("raw.cjs")],
    env: {},
    work: "logs"
  } as const
  const life = await platform.live(raw, 20)
  platform.close()
  assert.isAbove(life.register.millis, life.spawnMillis)
  assert.isAbove(life.firstNext.millis, life.register.millis)
  assert.isAbove(life.secondNext.millis, life.firstNext.millis)
  assert.isAbove(life.secondNext.cpuMillis, life.firstNext.cpuMillis)
  assert.isAbove(life.eventCpuMillis, 0)
})

it("measures servers in turns, and counts every batch", async () => {
  const servers = ["one", "two"].map((label) => ({ label, file: fixture("raw-telemetry.cjs"), env: {} }))
  const { signal } = new AbortController()
  const lives = await round(servers, makeRequests(2), { batches: 25, seed: 1, signal })
  assert.deepStrictEqual([...lives.keys()], servers)
  for (const { cpuMicros, eventsPerMilli, peakMegabytes } of lives.values()) {
    assert.isAbove(Math.min(cpuMicros, eventsPerMilli, peakMegabytes), 0)
  }
})

it("ends a program when the benchmark is ended", async () => {
  const ending = new AbortController()
  const platform = await open(ending.signal)
  const { code, pid } = idle("program")
  const life = platform
    .live({ label: "idle", command: [process.execPath, "-e", code], env: {}, work: "nothing" }, 1)
    .catch((error: Error) => error.name)
  const started = await pid()
  ending.abort()
  assert.strictEqual(await life, "AbortError")
  platform.close()
  await vi.waitUntil(() => !isAlive(started), { timeout: 60_000 })
})

it("ends a server when the benchmark is ended", async () => {
  const ending = new AbortController()
  const { code, pid } = idle("server")
  const file = join(folder, "server.cjs")
  writeFileSync(file, code)
  const server = start({ label: "idle", file, env: {} }, [], ending.signal).catch((error: Error) => error.name)
  const started = await pid()
  ending.abort()
  assert.strictEqual(await server, "AbortError")
  await vi.waitUntil(() => !isAlive(started), { timeout: 60_000 })
})
