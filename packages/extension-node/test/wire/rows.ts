/** The rows of the tables of the wire, for the table of tests and runtimes. */
import type { Row } from "../../../test/runtimes/scenario.ts"
import { contractCases } from "./contractCases.ts"
import { listenerCases } from "./listenerCases.ts"
import type { Case } from "./ListenerScript.ts"

const bunsFetch = "bun's client is fetch, which npm test plays on the fetch of Node"

export const contractRows: ReadonlyArray<Row> = contractCases.map(({ name }) => ({ name, not: { bun: bunsFetch } }))

const heap = "what memory grows by is read from the heap of V8; bench:memory measures LLRT from outside"

export const listenerRows: ReadonlyArray<Row & { readonly row: Case }> = listenerCases.map((row) => {
  const bun = "bun has the listener of Node, over the same net"
  return { name: row.name, row, not: { bun, ...(row.growth !== undefined && { LLRT: heap }) } }
})
