/** Measures whole extensions beside each other, from the telemetry of Lambda to the backend, in turns of one invocation. */
import { orders } from "../interleave.ts"
import { chattyLines, invocation, platformPerInvocation } from "../telemetry/batches.ts"
import { field } from "../telemetry/server.ts"
import { type Shipper, start } from "./extension.ts"

/** The records of a batch: an invocation of a chatty function. */
export const recordsPerBatch = chattyLines + platformPerInvocation
/** The batches of a turn. All of them have room in a queue, so that none is dropped. */
export const turn = 25
/** The turns before the measurement: V8 optimizes code that runs often, and the mapping has more of it. */
export const warmUpTurns = 12

export interface Shipped {
  readonly recordsPerMilli: number
  readonly cpuMicros: number
  readonly peakMegabytes: number
}

/** @throws if the extension lost a record, or did not send it: it would be faster for that */
const check = ({ consumer, label }: Shipper, accounting: unknown, lines: number): void => {
  const consumers = field(accounting, "consumers")
  const own: unknown = Array.isArray(consumers)
    ? consumers.find((each: unknown) => field(each, "name") === consumer)
    : undefined
  if (Number(field(own, "delivered")) >= lines) return
  throw new Error(`${label} did not deliver ${lines} log lines: ${JSON.stringify(accounting)}`)
}

/** Measures a life of each extension. All are up at the same time, and get invocations in turn. */
export const round = async (
  shippers: ReadonlyArray<Shipper>,
  { batches, seed, signal }: { readonly batches: number; readonly seed: number; readonly signal: AbortSignal }
): Promise<ReadonlyMap<Shipper, Shipped>> => {
  const lives = []
  for (const shipper of shippers)
    lives.push({ shipper, running: await start(shipper, signal), millis: 0, cpuBefore: 0 })
  const turns = Math.ceil(batches / turn)
  for (const [index, order] of orders(lives, warmUpTurns + turns, seed).entries()) {
    const bodies = Array.from({ length: turn }, (_, batch) =>
      Buffer.from(JSON.stringify(invocation(index * turn + batch, chattyLines)))
    )
    for (const life of order) {
      if (index === warmUpTurns) life.cpuBefore = life.running.cpuMillis()
      // Lambda tells of the invocation whose telemetry comes last; the others are late.
      const millis = await life.running.invocation((index + 1) * turn - 1, bodies)
      if (index >= warmUpTurns) life.millis += millis
    }
  }
  const records = turns * turn * recordsPerBatch
  const measured = new Map<Shipper, Shipped>()
  for (const { cpuBefore, millis, running, shipper } of lives) {
    measured.set(shipper, {
      recordsPerMilli: records / millis,
      cpuMicros: ((running.cpuMillis() - cpuBefore) * 1000) / records,
      peakMegabytes: running.peakMegabytes()
    })
    check(shipper, await running.stop(), (warmUpTurns + turns) * turn * chattyLines)
  }
  return measured
}
