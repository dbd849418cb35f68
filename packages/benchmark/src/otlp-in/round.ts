/** Measures the receivers beside each other, in turns of a few requests. */
import { orders } from "../interleave.ts"
import { type Server, start } from "../telemetry/server.ts"
import type { Load } from "./bodies.ts"

/**
 * The requests before the measurement: V8 optimizes code that runs often, and ours has more of it. Functions that a request calls
 * once are compiled for the last time after 10,000 requests, all of them together.
 */
export const warmUp = 20_000
/** The requests of a turn: a neighbour that takes the machine for longer takes it from both servers. */
export const turn = 100
/** JSON takes so much longer that fewer requests are enough. */
export const fewer = 10

/** The CPU time of a request in microseconds, for each server. All servers are up at the same time, and get requests in turn. */
export const round = async (
  servers: ReadonlyArray<Server>,
  { encoding, requests }: Load,
  { seed, size, signal }: { readonly seed: number; readonly signal: AbortSignal; readonly size: number }
): Promise<ReadonlyMap<Server, number>> => {
  const divisor = encoding === "JSON" ? fewer : 1
  const count = Math.ceil(size / divisor)
  const lives = []
  for (const server of servers) {
    const running = await start(server, requests, signal, 1)
    await running.send(warmUp / divisor)
    lives.push({ server, running, cpuBefore: running.cpuMillis() })
  }
  for (const [index, order] of orders(lives, Math.ceil(count / turn), seed).entries()) {
    for (const { running } of order) await running.send(Math.min(turn, count - index * turn))
  }
  const measured = new Map<Server, number>()
  for (const { cpuBefore, running, server } of lives) {
    measured.set(server, ((running.cpuMillis() - cpuBefore) * 1000) / count)
    await running.stop()
  }
  return measured
}
