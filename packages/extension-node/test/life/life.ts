/** The life of `runMain`, as a process against a scripted server. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { http, until } from "../support/RawServer.ts"
import type { Scenario } from "../../../test/runtimes/scenario.ts"
import { invoke, lambda, scenario, shutdown } from "./lambda.ts"

const signals = [
  ["SIGTERM", 143],
  ["SIGINT", 130]
] as const

const handOver = {
  EFFECT_LAMBDA_EXTENSION_NAME: "my-extension",
  EFFECT_LAMBDA_EXTENSION_IDENTIFIER: "id-1",
  EFFECT_LAMBDA_EXTENSION_EVENTS: "INVOKE,SHUTDOWN",
  EFFECT_LAMBDA_REGISTER_RESPONSE: '{"functionName":"f","functionVersion":"1","handler":""}\n'
}

const noSignals = "LLRT learns of no signal, and Lambda sends an extension none before SIGKILL"

export const life: ReadonlyArray<Scenario> = [
  scenario("ends with 0 after SHUTDOWN; logs are JSON, one line each; the name is the file's", (start) =>
    Effect.gen(function* () {
      const { host, received } = yield* lambda(invoke, () => shutdown(2000))
      const run = yield* start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host })
      assert.deepStrictEqual(yield* run.exit, { code: 0, signal: null })
      const lines = run
        .output()
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
      assert.deepStrictEqual(
        lines.map(({ annotations, level, message }) => [`${level} ${message}`, annotations]),
        [
          ["INFO handled r-1", { extension: "probe.ts", requestId: "r-1" }],
          ["INFO shutdown spindown", { extension: "probe.ts" }]
        ]
      )
      assert.strictEqual(received[0]!.headers["lambda-extension-name"], "probe.ts")
      assert.deepStrictEqual(
        received.map(({ url }) => url.split("/").at(-1)),
        ["register", "next", "next"]
      )
    })
  ),
  scenario("adopts a registration that a stub handed over, and takes the variables out of its environment", (start) =>
    Effect.gen(function* () {
      const { host, received } = yield* lambda(invoke, () => shutdown(2000))
      const run = yield* start("probe.ts", {
        AWS_LAMBDA_RUNTIME_API: host,
        PROBE: "child",
        ...handOver
      })
      assert.strictEqual((yield* run.exit).code, 0)
      assert.deepStrictEqual(
        received.map(({ url }) => url.split("/").at(-1)),
        ["next", "next"]
      )
      assert.include(run.output(), "hand-over: ;")
      assert.strictEqual(received[0]!.headers["lambda-extension-identifier"], "id-1")
    })
  ),
  scenario("a child process does not get the variables of the hand-over", (start) =>
    Effect.gen(function* () {
      const { host } = yield* lambda(invoke, () => shutdown(2000))
      const run = yield* start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host, PROBE: "child", ...handOver })
      assert.strictEqual((yield* run.exit).code, 0)
      assert.include(run.output(), 'hand-over: ;"')
    })
  ),
  scenario("registers itself under the stub's name if the stub could not register", (start) =>
    Effect.gen(function* () {
      const { host, received } = yield* lambda(() => shutdown(2000))
      const run = yield* start("probe.ts", {
        AWS_LAMBDA_RUNTIME_API: host,
        EFFECT_LAMBDA_EXTENSION_NAME: "my-extension"
      })
      assert.strictEqual((yield* run.exit).code, 0)
      assert.strictEqual(received[0]!.headers["lambda-extension-name"], "my-extension")
    })
  ),
  scenario("survives a cut connection of a parked poll, also while the old poll is still open", (start) =>
    Effect.gen(function* () {
      const standing = () =>
        http(
          "403 Forbidden",
          '{"errorMessage":"State transition from Ready to Ready failed for extension id. Error: State transition is not allowed","errorType":"Extension.InvalidExtensionState"}\n'
        )
      const { cut, host, received } = yield* lambda(
        () => "park",
        standing,
        standing,
        invoke,
        () => shutdown(2000)
      )
      const run = yield* start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host })
      yield* until("the parked poll", () => received.length === 2)
      cut()
      assert.deepStrictEqual(yield* run.exit, { code: 0, signal: null })
      assert.include(run.output(), "the poll was lost")
      assert.include(run.output(), "handled r-1")
      assert.lengthOf(received, 6)
    })
  ),
  scenario("a log line that cannot be printed costs only itself", (start) =>
    Effect.gen(function* () {
      const { host } = yield* lambda(invoke, () => shutdown(2000))
      const run = yield* start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host, PROBE: "unprintable" })
      assert.deepStrictEqual(yield* run.exit, { code: 0, signal: null })
      const lines = run.output().trimEnd().split("\n")
      assert.deepStrictEqual(
        lines.map((line) => `${JSON.parse(line).level} ${JSON.parse(line).message}`),
        ["INFO a log line holds a value that cannot be printed", "INFO the rest", "INFO shutdown spindown"]
      )
    })
  ),
  scenario("ends when its last log lines are written, however long they are", (start) =>
    Effect.gen(function* () {
      const { host } = yield* lambda(() => shutdown(2000))
      const run = yield* start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host, PROBE: "chatty" })
      assert.deepStrictEqual(yield* run.exit, { code: 0, signal: null })
      const [long, last = ""] = run.output().trimEnd().split("\n")
      assert.lengthOf(long ?? "", 4_000_000)
      assert.strictEqual(JSON.parse(last).message, "the last line")
    })
  ),
  ...signals.map(([signal, code]) =>
    scenario(
      `${signal}: finalizers run, exit ${code}`,
      (start) =>
        Effect.gen(function* () {
          const { host, received } = yield* lambda(invoke)
          const run = yield* start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host })
          yield* until("the parked poll", () => received.length === 3)
          run.child.kill(signal)
          assert.deepStrictEqual(yield* run.exit, { code, signal: null })
          assert.include(run.output(), `shutdown ${signal}`)
        }),
      { LLRT: noSignals }
    )
  ),
  ...["stuck-finalizer", "stuck-shutdown"].map((probe) =>
    scenario(`${probe}: still ends with 0 before the deadline`, (start) =>
      Effect.gen(function* () {
        const { host } = yield* lambda(() => shutdown(1500))
        const run = yield* start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host, PROBE: probe })
        assert.deepStrictEqual(yield* run.exit, { code: 0, signal: null })
        assert.notInclude(run.output(), "the deadline has passed")
      })
    )
  ),
  scenario("a handle that the user forgot does not hold the process", (start) =>
    Effect.gen(function* () {
      const { host } = yield* lambda(invoke, () => shutdown(2000))
      const run = yield* start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host, PROBE: "busy" })
      assert.deepStrictEqual(yield* run.exit, { code: 0, signal: null })
    })
  )
]
