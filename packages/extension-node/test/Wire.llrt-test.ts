/** The tables of the wire on LLRT: the contract of the client, the bytes of answers, and the listener. */
import { afterAll, describe, it } from "@effect/vitest"
import * as Agent from "./wire/agent.ts"
import { assertContract } from "./wire/assertContract.ts"
import { contractCases } from "./wire/contractCases.ts"
import { testFraming } from "./wire/framing.ts"
import { play } from "./wire/ListenerScript.ts"
import { listenerRows } from "./wire/rows.ts"

const there = await Agent.open("LLRT")
afterAll(() => there.end())

describe.each(["LambdaHttpClient", "SinkHttpClient"] as const)("over %s", (client) => {
  it.live.each(contractCases.map((row) => [row.name, row] as const))("%s", ([, row]) =>
    assertContract(row, (host) => there.contract(client, row.name, host))
  )
})

testFraming(there.clients, there.ours)

describe("the listener", () => {
  it.live.each(listenerRows.filter(({ not }) => not?.LLRT === undefined).map(({ name, row }) => [name, row] as const))(
    "%s",
    ([, row]) => play(there.listener, row)
  )
})
