/**
 * Random call sequences against the state machine alone. Clients, processes and timers may do anything in any order:
 * the machine keeps its invariants, refuses only in documented words, and comes to an end when it is told to.
 */
import { maxPayloadBytes } from "@effect-lambda/emulator/Emulator"
import { assert, describe, it } from "@effect/vitest"
import { documented } from "./documentedRefusals.ts"
import { World, names, large } from "./randomWorld.ts"

const sequences = 500

const steps = 120

/** Numbers that look random and are the same each time (mulberry32). */
const makeRandom = (seed: number) => {
  let state = seed
  const unit = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (limit: number): number => Math.floor(unit() * limit)
  const pick = <A>(values: ReadonlyArray<A>): A | undefined => values[below(values.length)]
  return { below, pick }
}

type Random = ReturnType<typeof makeRandom>

/** Subscriptions of an HTTP and of a TCP listener, to the Telemetry and to the Logs API. */
const subscriptions = [
  "not json",
  '{"schemaVersion":"2025-01-29","types":["platform"],"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:1"}}',
  '{"schemaVersion":"2025-01-29","types":["platform"],"destination":{"protocol":"TCP","port":1}}',
  '{"schemaVersion":"2020-08-15","types":["platform"],"destination":{"protocol":"TCP","port":1}}'
]

const bodies = [
  '{"events":["INVOKE","SHUTDOWN"]}',
  '{"events":["SHUTDOWN"]}',
  '{"events":["INVOKE"]}',
  "{}",
  "{}",
  "null",
  "",
  "[]",
  '{"events":["invoke"]}',
  '{"configurationKeys":["k"]}'
]

/** A step that only SnapStart has; `false` means no step this time. */
const snapStartStep = (world: World, { below }: Random): boolean => {
  if (!world.snapStart || below(3) !== 0) return false
  if (world.cutting && below(2) === 0) {
    world.cutting = false
    world.send({ _tag: "SnapshotTaken", connections: 0, problem: undefined })
    return true
  }
  const exchange = ++world.numbers
  const request =
    below(4) > 0
      ? ({ exchange, route: "runtime/restore/next" } as const)
      : ({ exchange, route: "runtime/restore/error", errorType: "Runtime.Hook", body: "" } as const)
  world.send({ _tag: "RuntimeRequest", request })
  return true
}

/** A step that any client, process or clock could make. */
const step = (world: World, random: Random): void => {
  const { below, pick } = random
  const exchange = ++world.numbers
  const identifier = () =>
    below(12) === 0
      ? (pick(["", "nonsense", "ffffffff-0000-4000-8000-000000000000"]) ?? "")
      : (world.identifiers.at(-1 - below(4)) ?? "")
  const requestId = () => (below(6) === 0 ? (pick(world.requestIds) ?? "") : (world.requestIds.at(-1) ?? ""))
  const [connecting] = world.connecting
  if (connecting !== undefined && below(2) === 0) {
    return world.connect(connecting, below(2) === 0 ? "nobody" : undefined)
  }
  switch (below(16)) {
    case 0:
    case 1: {
      const process = world.unlaunched.shift()
      if (process === undefined) return
      return below(20) === 0
        ? world.send({ _tag: "LaunchFailed", process, errorType: "UnknownError", message: "fork/exec: no", advice: "" })
        : world.send({ _tag: "Launched", process, pid: below(3) === 0 ? undefined : process })
    }
    case 2:
    case 3: {
      const name = pick(names) ?? ""
      const body = below(200) === 0 ? large : (pick(bodies) ?? "")
      return world.send({
        _tag: "ExtensionRequest",
        request: { exchange, route: "register", name, acceptFeature: "", body }
      })
    }
    case 4:
    case 5:
    case 6:
      return world.send({ _tag: "ExtensionRequest", request: { exchange, route: "next", identifier: identifier() } })
    case 7: {
      const route = below(2) === 0 ? "init/error" : "exit/error"
      const errorType = below(4) === 0 ? "" : "Extension.Mine"
      if (below(3) === 0) {
        return world.send({
          _tag: "ExtensionRequest",
          request: { exchange, route, identifier: identifier(), errorType, body: "" }
        })
      }
      // AWS's emulator has neither service in its usual mode, a managed instance has no Logs API.
      if (world.profile === "rie") return
      const api = world.profile === "lmi" || below(2) === 0 ? "telemetry" : "logs"
      // Mostly the same extension subscribes, so that the two services meet.
      const subscriber = below(2) === 0 ? (world.identifiers[0] ?? "") : identifier()
      return world.send({
        _tag: "ExtensionRequest",
        request: { exchange, route: api, identifier: subscriber, body: pick(subscriptions) ?? "" }
      })
    }
    case 8:
    case 9:
      return world.send({ _tag: "RuntimeRequest", request: { exchange, route: "runtime/next" } })
    case 10: {
      const responseMode = below(10) === 0 ? "foo" : ""
      const bodyBytes = below(10) === 0 ? maxPayloadBytes + 1 : 2
      const trailing = { trailingErrorType: "", trailingErrorBody: "" }
      return world.send({
        _tag: "RuntimeRequest",
        request: {
          exchange,
          route: "runtime/response",
          requestId: requestId(),
          responseMode,
          ...trailing,
          body: "{}",
          bodyBytes
        }
      })
    }
    case 11: {
      if (below(8) === 0) {
        return world.send({
          _tag: "RuntimeRequest",
          request: { exchange, route: "runtime/init/error", errorType: "x", body: "{}" }
        })
      }
      if (below(8) === 0) return world.send({ _tag: "ResponseTruncated", requestId: requestId() })
      const body = below(50) === 0 ? large : "{}"
      const bodyBytes = below(4) === 0 ? maxPayloadBytes + 1 : body.length
      const errorType = "Function.Bad"
      return world.send({
        _tag: "RuntimeRequest",
        request: {
          exchange,
          route: "runtime/error",
          requestId: requestId(),
          errorType,
          contentType: "",
          body,
          bodyBytes
        }
      })
    }
    case 12: {
      const call = ++world.numbers
      const id = below(10) === 0 ? requestId() : `r${call}`
      if (world.open.invocations.has(id) && world.profile !== "lmi") return
      world.requestIds.push(id)
      const empty = {
        contentType: "",
        traceHeader: "",
        lambdaSegmentId: "",
        clientContext: "",
        cognitoIdentity: "",
        tenantId: ""
      }
      const request = { call, requestId: id, payload: "{}", invokedFunctionArn: "arn", ...empty }
      return world.send({ _tag: "Invoke", request })
    }
    case 13: {
      const process = pick([...world.alive.keys()])
      if (process === undefined || below(3) !== 0) return
      return world.exit(process, below(2))
    }
    case 14: {
      if (world.timers.has("flush") && below(2) === 0) return world.send({ _tag: "TelemetryFlushed" })
      const timer = pick([...world.timers.keys()])
      if (timer === undefined || below(3) !== 0) return
      // Sometimes the timer was stopped while it fired.
      if (below(4) === 0) return world.send({ _tag: "TimerFired", timer, generation: -1 })
      return world.fire(timer)
    }
    default: {
      world.now += below(500)
      const poll = pick([...world.standing.keys()])
      if (poll !== undefined && below(4) === 0) return world.send({ _tag: "PollAborted", exchange: poll })
      if (below(60) === 0) world.send({ _tag: "Shutdown", reason: "spindown" })
    }
  }
}

describe.each(["real", "rie", "lmi"] as const)("profile %s", (profile) => {
  // The test takes a second or two of processor time, of which others may leave little.
  it(
    `${sequences} random sequences of ${steps} steps keep every invariant and meet every refusal`,
    { timeout: 120_000 },
    () => {
      const met = new Set<number>()
      let freezes = 0
      const restores = { success: 0, error: 0 }
      const timesEnded = { early: 0 }
      for (let seed = 1; seed <= sequences; seed++) {
        const random = makeRandom(seed)
        const many = Array.from({ length: 11 }, (_, index) => `z${index}`)
        const extensions =
          random.below(15) === 0 ? many.slice(0, 10 + random.below(2)) : ["a", "b", "c"].slice(0, random.below(4))
        let at = 0
        try {
          const freezeAfterMs = profile === "lmi" ? undefined : [undefined, 0, 10][seed % 3]
          const world = new World(profile, extensions, met, freezeAfterMs, profile === "real" && seed % 4 === 0)
          for (; at < steps && !world.terminated; at++) if (!snapStartStep(world, random)) step(world, random)
          if (world.terminated) timesEnded.early++
          world.end()
          freezes += world.freezes
          restores.success += world.restores.success
          restores.error += world.restores.error
        } catch (error) {
          throw new Error(`seed ${seed}, step ${at}: ${String(error)}`, { cause: error })
        }
      }
      const expected = documented.filter(([, , , profiles]) => profiles.includes(profile))
      const missing = expected.filter((entry) => !met.has(documented.indexOf(entry)))
      assert.deepStrictEqual(missing, [])
      assert.strictEqual(freezes > 0, profile !== "lmi")
      assert.strictEqual(Math.min(restores.success, restores.error) > 0, profile === "real")
      assert.isAbove(timesEnded.early, 0)
      assert.isBelow(timesEnded.early, sequences)
    }
  )
})
