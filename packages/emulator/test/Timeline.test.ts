/** The columns of the timeline: which phase it is, and how much of its time is left. */
import type { JournalEvent, JournalEntry } from "@effect-lambda/emulator/Journal"
import * as Timeline from "@effect-lambda/emulator/Timeline"
import { assert, it } from "@effect/vitest"

const initStarted: JournalEvent = { _tag: "InitStarted", phase: "init" }
const initEnded: JournalEvent = { _tag: "InitEnded", phase: "init", status: "success", errorType: undefined }
const invocation: JournalEvent = {
  _tag: "InvocationStarted",
  requestId: "1",
  deadlineMs: 3000,
  invokedFunctionArn: "",
  traceHeader: "",
  lambdaSegmentId: "",
  tenantId: ""
}
const done: JournalEvent = {
  _tag: "InvocationDone",
  requestId: "1",
  status: "success",
  errorType: undefined,
  extensionOverheadMs: 0,
  maxMemoryBytes: undefined
}
const next: JournalEvent = { _tag: "NextCalled", source: "runtime" }

/** Phase and milliseconds left of each row, a row every 100 ms. */
const columnsOf = (events: ReadonlyArray<JournalEvent>) => {
  const timeline = Timeline.make()
  return events.map((event, index) => {
    const entry: JournalEntry = { ...event, index, at: 100 * index }
    const row = timeline.render(entry)
    return [row.slice(10, 19).trim(), row.slice(31, 40).trim()].join(" ").trim()
  })
}

it("after init and after an invocation it is idle, without a limit", () => {
  assert.deepStrictEqual(columnsOf([initStarted, initEnded, next, invocation, next, done, next]), [
    "init 10000",
    "init 9900",
    "idle",
    "invoke 1 2700",
    "invoke 1 2600",
    "invoke 1 2500",
    "idle"
  ])
})

it("a restore has ten seconds, the snapshot before it no limit", () => {
  const taken: JournalEvent = { _tag: "SnapshotTaken", connections: 1, problem: undefined }
  const restored: JournalEvent = { _tag: "RestoreEnded", status: "success", errorType: undefined }
  const events = [initStarted, initEnded, taken, { _tag: "RestoreStarted" } as const, next, restored, invocation]
  assert.deepStrictEqual(columnsOf(events), [
    "init 10000",
    "init 9900",
    "idle",
    "restore 10000",
    "restore 9900",
    "restore 9800",
    "invoke 1 2400"
  ])
})

it("init inside of the first invocation (rie) has its limit, and so has the rest", () => {
  assert.deepStrictEqual(columnsOf([invocation, initStarted, initEnded, next, done, next]), [
    "invoke 1 3000",
    "invoke 1 2900",
    "invoke 1 2800",
    "invoke 1 2700",
    "invoke 1 2600",
    "idle"
  ])
})

it("the name of an extension cannot command the terminal", () => {
  const name = "a\u001b[31m\n.mjs"
  const timeline = Timeline.make({ names: [name] })
  const row = timeline.render({ _tag: "NextCalled", source: `extension:${name}`, index: 0, at: 0 })
  assert.match(row, /^ +0 {2,}a\\x1b\[31m\\x0a\.mjs +next$/)
})
