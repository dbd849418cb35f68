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
  ["status:next@3=500", { _tag: "Status", status: 500, when: { at: 3 } }],
  ["status:next@2.5%=403", { _tag: "Status", status: 403, when: { probability: 0.025 } }],
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
    const names = "reset, slow, partial, status, deadline, drop-parked-next, timeout, shutdown, crash, hold-thaw"
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
    ["status:register=500", "status:next[@WHEN]=STATUS"],
    ["status:next=404", "status:next[@WHEN]=STATUS"],
    ["deadline:init=1", "deadline:EVENT[@WHEN]=TIME"],
    ["timeout=3s", "timeout[@WHEN]"],
    ["shutdown:init", "shutdown:POINT[@WHEN][+DURATION]"],
    ["crash:hello.ts:init", "crash:SOURCE:MOMENT[@WHEN][+DURATION]"],
    ["hold-thaw", "hold-thaw[@WHEN]=DURATION"]
  ])("%s: %s", (text, syntax) => {
    const message = messageOf(text)
    assert.include(message, `"${text}" is not a fault: write ${syntax}`)
    for (const word of syntax.match(/[A-Z]{2,}/g) ?? []) assert.include(message, `; ${word} is `)
    assert.notInclude(message, "\n")
  })
})

it("the help has one line for each fault and explains every word in capitals", () => {
  const [faults = "", legend = ""] = Fault.help.split("\n\n")
  assert.lengthOf(faults.split("\n"), 10)
  const words = new Set(faults.match(/\b[A-Z]{2,}\b/g))
  const explained = legend.split("\n").map((line) => line.split(" ", 1)[0])
  assert.sameMembers([...words], explained)
})
