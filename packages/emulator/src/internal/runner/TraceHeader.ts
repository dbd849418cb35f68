/** The trace header of an invocation that is not traced, as Lambda makes it (docs/protocol.md#the-invoke-event). */
import * as Crypto from "node:crypto"

const hex = (bytes: number): string => Crypto.randomBytes(bytes).toString("hex")

/** `now` in epoch milliseconds. */
export const make = (now: number): string => {
  const time = Math.floor(now / 1000).toString(16)
  return `Root=1-${time}-${hex(12)};Parent=${hex(8)};Sampled=0;Lineage=1:${hex(4)}:0`
}
