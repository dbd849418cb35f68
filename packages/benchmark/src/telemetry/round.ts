/** Measures the servers beside each other, in turns of a few batches. */
import { orders } from "../interleave.ts"
import { eventsPerBatch } from "./batches.ts"
import { field, type Server, start } from "./server.ts"

/** The batches before the measurement: V8 optimizes code that runs often, and ours has more of it. */
export const warmUp = 300
/** The batches of a turn, about 20 ms: a neighbour that takes the machine for longer takes it from every server. */
export const turn = 20
/** The batches of a flood: a quarter of it, then the rest. */
const flood = [250, 750] as const

export interface Life {
  readonly eventsPerMilli: number
  readonly cpuMicros: number
  readonly peakMegabytes: number
}

/** Measures a life of each server. All servers are up at the same time, and get batches in turn. */
export const round = async (
  servers: ReadonlyArray<Server>,
  requests: ReadonlyArray<Buffer>,
  { batches, seed, signal }: { readonly batches: number; readonly seed: number; readonly signal: AbortSignal }
): Promise<ReadonlyMap<Server, Life>> => {
  const lives = []
  for (const server of servers) {
    const running = await start(server, requests, signal)
    await running.send(warmUp)
    lives.push({ server, running, cpuBefore: running.cpuMillis(), millis: 0 })
  }
  const turns = Math.ceil(batches / turn)
  for (const [index, order] of orders(lives, turns, seed).entries()) {
    for (const life of order) life.millis += await life.running.send(Math.min(turn, batches - index * turn))
  }
  const events = batches * eventsPerBatch
  const measured = new Map<Server, Life>()
  for (const { cpuBefore, millis, running, server } of lives) {
    measured.set(server, {
      eventsPerMilli: events / millis,
      cpuMicros: ((running.cpuMillis() - cpuBefore) * 1000) / events,
      peakMegabytes: running.peakMegabytes()
    })
    await running.stop()
  }
  return measured
}

/** The outcome of a flood that no consumer reads. */
export interface Flood {
  readonly records: number
  readonly delivered: number
  readonly waiting: number
  readonly dropped: number
  readonly isCounted: boolean
  readonly quarterMegabytes: number
  readonly peakMegabytes: number
}

/** Measures a life of a server whose consumer is stuck. */
export const flooded = async (server: Server, requests: ReadonlyArray<Buffer>, signal: AbortSignal): Promise<Flood> => {
  const running = await start(server, requests, signal)
  await running.send(flood[0])
  const quarterMegabytes = running.peakMegabytes()
  await running.send(flood[1])
  const peakMegabytes = running.peakMegabytes()
  const counted = await running.stop()
  const consumers = field(counted, "consumers")
  const consumer: unknown = Array.isArray(consumers) ? consumers[0] : undefined
  const count = (name: string) => Number(field(consumer, name))
  const records = Number(field(counted, "received"))
  const [delivered, waiting, dropped] = [count("delivered"), count("waiting"), count("droppedByQueue")]
  return {
    records,
    delivered,
    waiting,
    dropped,
    isCounted: count("offered") === records && delivered + waiting + dropped === records,
    quarterMegabytes,
    peakMegabytes
  }
}
