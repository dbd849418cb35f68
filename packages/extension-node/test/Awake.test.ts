/** A limit of time counts looks at the clock, so a freeze costs one of them at most. */
import { assert, describe, it } from "@effect/vitest"
import { afterEach, beforeEach, vi } from "vitest"
import { afterAwake } from "../src/internal/sink/awake.ts"

/** The sockets are read before the second immediate runs. */
const sockets = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)))

describe("a limit of 60 milliseconds", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] }))
  afterEach(() => void vi.useRealTimers())

  const start = () => {
    const passed = vi.fn<() => void>()
    return { passed, stop: afterAwake(60, passed) }
  }

  it("passes with its last look, once the sockets are read", async () => {
    const { passed } = start()
    vi.advanceTimersByTime(59)
    await sockets()
    assert.lengthOf(passed.mock.calls, 0)
    vi.advanceTimersByTime(1)
    assert.lengthOf(passed.mock.calls, 0)
    await sockets()
    assert.lengthOf(passed.mock.calls, 1)
    vi.advanceTimersByTime(600)
    await sockets()
    assert.lengthOf(passed.mock.calls, 1)
  })

  it("does not pass in a freeze, after which a timer that is late looks once", async () => {
    const { passed } = start()
    vi.advanceTimersToNextTimer()
    await sockets()
    assert.lengthOf(passed.mock.calls, 0)
  })

  it("is taken back by what waited in a socket", async () => {
    const { passed, stop } = start()
    vi.advanceTimersByTime(60)
    stop()
    await sockets()
    assert.lengthOf(passed.mock.calls, 0)
    assert.strictEqual(vi.getTimerCount(), 0)
  })
})
