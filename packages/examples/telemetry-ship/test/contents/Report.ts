/** The report on the runs of a matrix: their plans and their results. */
import type { Fault } from "@effect-lambda/emulator"
import { fates, noLines } from "./Explain.ts"
import type { Held } from "./Held.ts"
import { type Plan, sinks, strategies } from "./Plan.ts"
import type { Outcome } from "./Run.ts"

const nameOf = (fault: Fault.Fault): string => {
  if (fault._tag === "Crash") return `Crash ${fault.source} ${fault.moment}`
  if (fault._tag === "Shutdown") return `Shutdown ${fault.moment}`
  return "route" in fault ? `${fault._tag} ${fault.route}` : fault._tag
}

/** A plan in one line, without what it prints. */
export const describe = ({ backend, faults, invocations, logFormat, runtime, settings }: Plan): string => {
  const lines = invocations.reduce((sum, { lines }) => sum + lines.length, 0)
  return (
    `${settings.strategy}, ${settings.sink}, ${settings.protocol}, ${runtime}, ${logFormat}; ` +
    `backend ${JSON.stringify(backend)}; faults ${faults.map((fault) => JSON.stringify(fault)).join(" ") || "none"}; ` +
    `${invocations.length} invocations, ${lines} lines`
  )
}

/** The percentile: the value below which so many of a hundred are. */
const percentile = (sorted: ReadonlyArray<number>, of: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * of) / 100))] ?? 0

const distribution = (values: ReadonlyArray<number>): string => {
  const sorted = values.toSorted((one, other) => one - other)
  return `p50 ${percentile(sorted, 50)}, p99 ${percentile(sorted, 99)}, max ${sorted.at(-1) ?? 0} ms`
}

/** The time for which telemetry waits for late lines by default. */
const graceMillis = 25

const awaitsEnd = ({ plan }: Held): boolean =>
  plan.settings.strategy !== "periodic" && plan.settings.strategy !== "continuous"

/** By how much the flush itself took longer than its budget: without what came before it, and without the machine. */
const beyondBudget = (held: Held): number => {
  const before = awaitsEnd(held) ? held.untilToldMillis + graceMillis : 0
  return Math.max(0, held.millis - before - held.machineMillis - held.flushMillis)
}

/** An invocation that was held, in one line. */
export const describeHeld = (held: Held): string =>
  `held ${held.millis} ms, a flush of ${held.flushMillis}, told ${held.untilToldMillis}, machine ${held.machineMillis}, ` +
  `beyond ${beyondBudget(held)}`

export const make = () => {
  const cells = new Map<string, number>()
  const faultCounts = new Map<string, number>()
  const backends = new Map<string, number>()
  const held = new Map<string, Array<Held>>()
  const total = noLines()
  const doubles = { sameBatch: 0, givenTwice: 0 }
  let failures = 0
  const countIn = (counts: Map<string, number>, name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)

  return {
    failures: () => failures,
    failed: () => {
      failures++
    },
    add: (plan: Plan, outcome: Outcome) => {
      const { sink, strategy } = plan.settings
      countIn(cells, `${strategy} ${sink}`)
      countIn(backends, sink.startsWith("http") ? plan.backend._tag : sink)
      for (const fault of plan.faults) countIn(faultCounts, nameOf(fault))
      for (const fate of fates) total[fate] += outcome.fates[fate]
      doubles.sameBatch += outcome.doubles.sameBatch
      doubles.givenTwice += outcome.doubles.givenTwice
      held.set(strategy, [...(held.get(strategy) ?? []), ...outcome.held])
    },
    text: (): string => {
      const list = (counts: Map<string, number>) =>
        [...counts]
          .toSorted()
          .map(([name, count]) => `${name} ${count}`)
          .join(", ")
      const all = Object.values(total).reduce((sum, count) => sum + count, 0)
      const most = Math.min(
        ...strategies.flatMap((strategy) => sinks.map((sink) => cells.get(`${strategy} ${sink}`) ?? 0))
      )
      return [
        `each strategy with each sink at least ${most} times`,
        `faults: ${list(faultCounts)}`,
        `backends: ${list(backends)}`,
        `${all} lines: ${total.arrived} at the backend as they were printed, ${total.countedLost} counted lost, ` +
          `${total.neverGiven} never given to the extension, ${total.killed} with an extension that the run killed, ` +
          `${total.cutOff} with one that the platform killed and that was never told to shut down, ` +
          `${total.late} with one that was told and was too late, ` +
          `${total.lostByTcp} under way over TCP when the extension ended, ${total.unexplained} unexplained`,
        `doubles: ${doubles.sameBatch} lines of a batch that came again under its id, ${doubles.givenTwice} that Lambda gave twice`,
        "held from the function's end, or from a later event, to next; of that, how long Lambda took to tell of the end, and " +
          "how long a process waited for the machine; and by how much the flush itself passed its budget:",
        ...strategies.map((strategy) => {
          const all = held.get(strategy) ?? []
          return (
            `  ${strategy}: ${all.length} invocations, held ${distribution(all.map(({ millis }) => millis))}; ` +
            `told ${distribution(all.map(({ untilToldMillis }) => untilToldMillis))}; ` +
            `machine ${distribution(all.map(({ machineMillis }) => machineMillis))}; ` +
            `beyond ${distribution(all.map(beyondBudget))}, ${all.filter((one) => beyondBudget(one) > 50).length} by more than 50`
          )
        }),
        ...[...held.values()]
          .flat()
          .filter((one) => beyondBudget(one) > 50)
          .toSorted((one, other) => beyondBudget(other) - beyondBudget(one))
          .slice(0, 5)
          .map((one) => `  --only ${one.plan.index}: ${describeHeld(one)}; ${describe(one.plan)}`)
      ].join("\n")
    }
  }
}
