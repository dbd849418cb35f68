/** Faults as they are written on a command line. Faults.test.ts shows their effects. */
import * as Fault from "@effect-lambda/emulator/Fault"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"

const first = { at: 1 }

const written: ReadonlyArray<readonly [string, Fault.Fault]> = [
  ["reset:next@2", { _tag: "Reset", route: "next", when: { at: 2 } }],
  ["reset:runtime/init/error", { _tag: "Reset", route: "runtime/init/error", when: first }],
  ["slow:register=500ms", { _tag: "Slow", route: "register", delay: 500, when: first }],
  ["slow:exit/error@every=1.5s", { _tag: "Slow", route: "exit/error", delay: 1500, when: { every: 1 } }],
  ["partial:runtime/next@every-3=0", { _tag: "Partial", route: "runtime/next", bytes: 0, when: { every: 3 } }],
  ["status:next@3=500", { _tag: "Status", route: "next", status: 500, when: { at: 3 } }],
  ["status:next@2.5%=403", { _tag: "Status", route: "next", status: 403, when: { probability: 0.025 } }],
  ["status:register=500", { _tag: "Status", route: "register", status: 500, when: first }],
  ["status:init/error=403", { _tag: "Status", route: "init/error", status: 403, when: first }],
  ["status:telemetry=202", { _tag: "Status", route: "telemetry", status: 202, when: first }],
  ["status:logs@2=403", { _tag: "Status", route: "logs", status: 403, when: { at: 2 } }],
  ["close:runtime/next@every", { _tag: "Close", route: "runtime/next", when: { every: 1 } }],
  ["event:next@2=Snap.Start-2", { _tag: "Event", eventType: "Snap.Start-2", when: { at: 2 } }],
  ["event:next=INVOKED", { _tag: "Event", eventType: "INVOKED", when: first }],
  ["fields:register", { _tag: "Fields", route: "register", when: first }],
  ["fields:next@every-2", { _tag: "Fields", route: "next", when: { every: 2 } }],
  ["no-tracing@every", { _tag: "NoTracing", when: { every: 1 } }],
  ["delivery:not-utf8@50%", { _tag: "Delivery", change: "not-utf8", when: { probability: 0.5 } }],
  ["delivery:again", { _tag: "Delivery", change: "again", when: first }],
  ["deadline:invoke@1=676051", { _tag: "Deadline", event: "INVOKE", deadlineMs: 676051, when: first }],
  ["deadline:shutdown=-1", { _tag: "Deadline", event: "SHUTDOWN", deadlineMs: -1, when: first }],
  ["deadline:invoke=year-ahead", { _tag: "Deadline", event: "INVOKE", deadlineMs: "year-ahead", when: first }],
  ["drop-parked-next@100%", { _tag: "DropParkedNext", when: { probability: 1 } }],
  ["timeout@2", { _tag: "Timeout", when: { at: 2 } }],
  ["shutdown:during-invoke@2+100ms", { _tag: "Shutdown", moment: "during-invoke", delay: 100, when: { at: 2 } }],
  ["shutdown:after-response", { _tag: "Shutdown", moment: "after-response", delay: 0, when: first }],
  [
    "crash:runtime:during-invoke@2+50ms",
    { _tag: "Crash", source: "runtime", moment: "during-invoke", delay: 50, when: { at: 2 } }
  ],
  [
    "crash:extension:my:hello.ts:init",
    { _tag: "Crash", source: "extension:my:hello.ts", moment: "init", delay: 0, when: first }
  ],
  ["hold-thaw@every=5s", { _tag: "HoldThaw", hold: 5000, when: { every: 1 } }]
]

it.each(written)("%s", (text, fault) => {
  assert.deepStrictEqual(Result.getOrThrow(Fault.parse(text)), fault)
})

describe("a text that is no fault gets one sentence that says how it is written", () => {
  const messageOf = (text: string) => Result.getOrThrow(Result.flip(Fault.parse(text))).reason.message

  it.each(["", "nope", "rest:next", "=5", "Reset:next"])("%j: the names", (text) => {
    const names =
      "reset, slow, partial, close, status, event, fields, no-tracing, deadline, drop-parked-next, timeout, shutdown, crash, delivery, hold-thaw"
    assert.strictEqual(messageOf(text), `${JSON.stringify(text)} is not a fault: the faults are ${names}.`)
  })

  it.each([
    ["reset", "reset:ROUTE[@WHEN]"],
    ["reset:nexxt", "reset:ROUTE[@WHEN]"],
    ["reset:next@0", "reset:ROUTE[@WHEN]"],
    ["reset:next@-1", "reset:ROUTE[@WHEN]"],
    ["reset:next@101%", "reset:ROUTE[@WHEN]"],
    ["reset:next=1", "reset:ROUTE[@WHEN]"],
    ["slow:next", "slow:ROUTE[@WHEN]=DURATION"],
    ["slow:next=5", "slow:ROUTE[@WHEN]=DURATION"],
    ["slow:next=-5ms", "slow:ROUTE[@WHEN]=DURATION"],
    ["partial:next=1.5", "partial:ROUTE[@WHEN]=BYTES"],
    ["status:runtime/next=500", "status:CALL[@WHEN]=STATUS"],
    ["status:next=404", "status:CALL[@WHEN]=STATUS"],
    ["status:next=202", "status:CALL[@WHEN]=STATUS"],
    ["event:next=INVOKE", "event:next[@WHEN]=TYPE"],
    ["event:next=SHUTDOWN", "event:next[@WHEN]=TYPE"],
    ['event:next=A"B', "event:next[@WHEN]=TYPE"],
    ["event:register=A", "event:next[@WHEN]=TYPE"],
    ["fields:telemetry", "fields:ANSWER[@WHEN]"],
    ["delivery:twice", "delivery:CHANGE[@WHEN]"],
    ["deadline:init=1", "deadline:EVENT[@WHEN]=TIME"],
    ["timeout=3s", "timeout[@WHEN]"],
    ["shutdown:init", "shutdown:POINT[@WHEN][+DURATION]"],
    ["crash:hello.ts:init", "crash:SOURCE:MOMENT[@WHEN][+DURATION]"],
    ["hold-thaw", "hold-thaw[@WHEN]=DURATION"]
  ])("%s: %s", (text, syntax) => {
    const message = messageOf(text)
    assert.include(message, `${JSON.stringify(text)} is not a fault: write ${syntax}`)
    for (const word of syntax.match(/[A-Z]{2,}/g) ?? []) assert.include(message, `; ${word} is `)
    assert.notInclude(message, "\n")
  })
})

it("the help has one line for each fault and explains every word in capitals", () => {
  const [faults = "", legend = ""] = Fault.help.split("\n\n")
  assert.lengthOf(faults.split("\n"), 15)
  const words = new Set(faults.match(/\b[A-Z]{2,}\b/g))
  const explained = legend.split("\n").map((line) => line.split(" ", 1)[0])
  assert.sameMembers([...words], explained)
})
