/** Faults of connections on every route, and which occurrences faults hit; over HTTP, without any process. */
import type * as Fault from "@effect-lambda/emulator/Fault"
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import { startEmulator } from "./support.ts"

const extension = "/2020-01-01/extension"
const runtime = "/2018-06-01/runtime"

/** A request for each route that is answered at once, if only by a refusal. */
const requests: ReadonlyArray<readonly [Fault.Route, "GET" | "POST" | "PUT", string]> = [
  ["register", "POST", `${extension}/register`],
  ["next", "GET", `${extension}/event/next`],
  ["init/error", "POST", `${extension}/init/error`],
  ["exit/error", "POST", `${extension}/exit/error`],
  ["telemetry", "PUT", "/2022-07-01/telemetry"],
  ["logs", "PUT", "/2020-08-15/logs"],
  ["runtime/response", "POST", `${runtime}/invocation/nobody/response`],
  ["runtime/error", "POST", `${runtime}/invocation/nobody/error`],
  ["runtime/init/error", "POST", `${runtime}/init/error`],
  // After init/error these are refused.
  ["runtime/next", "GET", `${runtime}/invocation/next`],
  ["runtime/restore/next", "GET", `${runtime}/restore/next`],
  ["runtime/restore/error", "POST", `${runtime}/restore/error`]
]

interface Outcome {
  readonly end: "complete" | "cut" | "reset"
  readonly body: string
  readonly ms: number
}

const call = (address: string, method: string, path: string): Effect.Effect<Outcome> =>
  Effect.callback((resume) => {
    const began = performance.now()
    let body = ""
    const finish = (end: Outcome["end"]) => resume(Effect.succeed({ end, body, ms: performance.now() - began }))
    const headers = { "Lambda-Extension-Name": "a", "Lambda-Extension-Identifier": "nobody" }
    const request = Http.request(`http://${address}${path}`, { method, headers, agent: false }, (response) => {
      response.setEncoding("utf8")
      response.on("data", (chunk: string) => {
        body += chunk
      })
      response.on("error", () => finish("cut"))
      response.on("end", () => finish("complete"))
    })
    request.on("error", (error: NodeJS.ErrnoException) => finish(error.code === "ECONNRESET" ? "reset" : "cut"))
    request.end()
    return Effect.sync(() => request.destroy())
  })

describe("a connection", { concurrent: true }, () => {
  it.live.each(requests)("%s: is reset, cut after 7 bytes, slow, and then as always", ([route, method, path]) =>
    Effect.gen(function* () {
      const { journal, runtimeApi } = yield* startEmulator({
        extensions: [],
        initType: "snap-start",
        faults: [
          { _tag: "Reset", route },
          // A reset request has no answer, and these count answers.
          { _tag: "Partial", route, bytes: 7, when: { at: 1 } },
          { _tag: "Slow", route, delay: "100 millis", when: { at: 2 } }
        ]
      })
      if (route.startsWith("runtime/") && route.endsWith("/next"))
        yield* call(runtimeApi, "POST", `${runtime}/init/error`)
      const ask = call(runtimeApi, method, path)
      const [reset, cut, slow, usual] = yield* Effect.all([ask, ask, ask, ask])
      assert.deepInclude(reset, { end: "reset", body: "" })
      assert.strictEqual(cut.end, "cut")
      assert.match(cut.body, /^\{"[a-z]{5}$/)
      assert.isAtLeast(slow.ms, 99)
      assert.strictEqual(slow.end, "complete")
      assert.strictEqual(usual.end, "complete")
      const injected = (yield* journal.entries).filter(Journal.is("FaultInjected"))
      assert.deepStrictEqual(
        injected.map(({ description }) => description),
        [
          `the connection of ${route} is reset`,
          `the answer to ${route} is cut after 7 bytes`,
          `the answer to ${route} leaves 100 ms later`
        ]
      )
    })
  )
})

describe("occurrences", { concurrent: true }, () => {
  /** Shows which of so many requests are reset, each as `x`. */
  const pattern = Effect.fnUntraced(function* (when: Fault.Occurrence | undefined, seed?: number, count = 12) {
    const fault: Fault.Fault =
      when === undefined ? { _tag: "Reset", route: "register" } : { _tag: "Reset", route: "register", when }
    const { runtimeApi } = yield* startEmulator({ faults: [fault], ...(seed === undefined ? {} : { seed }) })
    const outcomes = yield* Effect.forEach(Array.from({ length: count }), () =>
      call(runtimeApi, "POST", `${extension}/register`)
    )
    return outcomes.map(({ end }) => (end === "reset" ? "x" : ".")).join("")
  })

  it.live.each([
    [undefined, "x..........."],
    [{ at: 5 }, "....x......."],
    [{ every: 1 }, "xxxxxxxxxxxx"],
    [{ every: 4 }, "...x...x...x"],
    [{ probability: 0 }, "............"],
    [{ probability: 1 }, "xxxxxxxxxxxx"]
  ] as const)("%j: %s", ([when, expected]) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* pattern(when), expected)
    })
  )

  it.live("a probability is about kept, and the seed decides", () =>
    Effect.gen(function* () {
      const when = { probability: 0.25 }
      const [one, again, two, byDefault] = yield* Effect.all(
        [pattern(when, 7, 200), pattern(when, 7, 200), pattern(when, 8, 200), pattern(when, undefined, 200)],
        { concurrency: "unbounded" }
      )
      assert.strictEqual(one, again)
      assert.notStrictEqual(one, two)
      assert.strictEqual(byDefault, yield* pattern(when, 1, 200))
      for (const hit of [one, two]) {
        const hits = hit.replaceAll(".", "").length
        assert.isAbove(hits, 25)
        assert.isBelow(hits, 75)
      }
    })
  )
})
