/** A process on a busy machine waits for a processor, which is told apart from a process that sleeps. */
import { assert, it } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { availableParallelism } from "node:os"
import * as Starvation from "../../src/conform/play/Starvation.ts"

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

it("waiting for a processor counts, and sleeping does not; a system that does not tell them counts nothing", async () => {
  const isTold = existsSync("/proc/self/schedstat")
  // More loops than processors, so that each of them has to wait.
  const busy = Array.from({ length: availableParallelism() + 2 }, () =>
    spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" })
  )
  const sleeper = spawn("sleep", ["1000"], { stdio: "ignore" })
  try {
    const look = (...children: ReadonlyArray<ChildProcess>) => Starvation.look(children.flatMap(({ pid }) => pid ?? []))
    const starve = async (ms: number) => {
      const before = look(...busy)
      const from = Date.now()
      const until = isTold ? 20_000 : 0
      while (Starvation.between(before, look(...busy)) < ms && Date.now() - from < until) await wait(20)
      return Starvation.between(before, look(...busy))
    }
    assert.strictEqual((await starve(100)) >= 100, isTold)
    const asleep = look(sleeper)
    assert.strictEqual((await starve(100)) >= 100, isTold)
    assert.strictEqual(Starvation.between(asleep, look(sleeper)), 0)
  } finally {
    for (const child of [...busy, sleeper]) child.kill("SIGKILL")
  }
})

it("a process that is gone has waited for nothing", () => {
  assert.strictEqual(Starvation.between(new Map(), Starvation.look([2 ** 22 + 1])), 0)
})

it("a process that has come in between counts from its start", () => {
  const before = new Map([[1, 50]])
  const after = new Map([
    [1, 80],
    [2, 40.4]
  ])
  assert.strictEqual(Starvation.between(before, after), 40)
})
