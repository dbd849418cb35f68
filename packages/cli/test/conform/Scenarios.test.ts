/** The catalogue: what a report says of a scenario besides its verdict is whole and true of the repository. */
import * as Fault from "@effect-lambda/emulator/Fault"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { scenarios } from "../../src/conform/Scenarios.ts"
import type { Traits } from "../../src/conform/play/Scenario.ts"

const documents = join(import.meta.dirname, "../../../../docs")
const headings = readFileSync(join(documents, "protocol.md"), "utf8")
const anchors = Array.from(headings.matchAll(/^#+ (.+)$/gm), ([, heading = ""]) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, "")
    .replaceAll(" ", "-")
)

const traits: Traits = {
  sources: ["extension:a"],
  events: ["INVOKE", "SHUTDOWN"],
  subscriptions: (["telemetry", "logs"] as const).map((api, index) => ({
    _tag: "TelemetrySubscription",
    source: "extension:a",
    api,
    state: "Subscribed",
    types: ["platform", "function"],
    schemaVersion: "2022-12-13",
    destination: "http://sandbox.localdomain:4000/",
    body: "{}",
    index,
    at: 0
  })),
  ports: [],
  reachesSink: true,
  sendsLines: true,
  copies: 1
}

it("names are different, and begin with the family", () => {
  const names = scenarios.map(({ name }) => name)
  assert.deepStrictEqual([...new Set(names)], names)
  assert.deepStrictEqual(
    names.filter((name) => !/^[a-z]+(?:-[a-z]+)*\/[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name)),
    []
  )
})

it("the scenarios of a family follow each other in a report", () => {
  const families = scenarios.map(({ name }) => name.split("/")[0])
  const begins = families.filter((family, index) => family !== families[index - 1])
  assert.deepStrictEqual([...new Set(begins)], begins)
})

describe.each(scenarios)("$name", ({ advice, aws, protocol, setup, title }) => {
  it("says the situation, the behaviour of AWS and the advice in whole sentences", () => {
    for (const text of [title, aws, advice]) assert.match(text, /^[A-Z](?:(?! {2})[^\n])+[^ .]\.$/)
  })

  it("cites a section of the protocol that exists", () => {
    const [document = "", anchor] = protocol.split("#")
    assert.strictEqual(join(documents, "..", document), join(documents, "protocol.md"))
    assert.include(anchors, anchor)
  })

  it("has faults that the emulator knows", () => {
    const { faults = [] } = setup?.({ longFreezeSeconds: 20 }, traits) ?? {}
    const unknown = faults.filter((text) => Result.isFailure(Fault.parse(text)))
    assert.deepStrictEqual(unknown, [])
  })
})
