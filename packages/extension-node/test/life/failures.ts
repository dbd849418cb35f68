/** The failures that `runMain` logs and reports, as a process against a scripted server. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { http, makeServer } from "../support/RawServer.ts"
import type { Scenario } from "../../../test/runtimes/scenario.ts"
import { invoke, lambda, logOf, registeredByStub, scenario, shutdown } from "./lambda.ts"

const consumerFailed = "ERROR the program over the events failed; Lambda is told, and the process must end"

const starts: ReadonlyArray<readonly [what: string, why: string, env: Record<string, string>]> = [
  ["a variable that is missing", "BACKEND_URL", {}],
  ["a defect", "a bug", { PROBE: "defect" }],
  ["a variable that is missing, registered by a stub", "BACKEND_URL", registeredByStub]
]

const consumers: ReadonlyArray<readonly [what: string, probe: string, lines: ReadonlyArray<string>, code: number]> = [
  ["a consumer of the stream that fails", "", [consumerFailed, "FATAL the extension ends: Boom"], 1],
  ["one whose failure is caught around it", "caught", [consumerFailed], 0],
  [
    "one that is retried, where a stub has registered",
    "retried",
    [consumerFailed, "FATAL the extension ends: Extension.events (or run) began a second time in this process: "],
    1
  ]
]

export const failures: ReadonlyArray<Scenario> = [
  scenario("outside Lambda it says so in one line and ends with 1", (start) =>
    Effect.gen(function* () {
      const run = yield* start("probe.ts", {})
      assert.strictEqual((yield* run.exit).code, 1)
      const [line, ...others] = run.output().trimEnd().split("\n")
      assert.lengthOf(others, 0)
      assert.include(JSON.parse(line!).message, "does not run inside Lambda or the emulator")
    })
  ),
  ...starts.map(([what, why, env]) =>
    scenario(`${what} before the first call to Lambda: a failed init, the function goes on`, (start) =>
      Effect.gen(function* () {
        const { host, received } = yield* lambda(invoke, () => shutdown(2000))
        const run = yield* start("early.ts", { AWS_LAMBDA_RUNTIME_API: host, ...env })
        assert.deepStrictEqual(yield* run.exit, { code: 0, signal: null })
        const [before, line, ...others] = run.output().trimEnd().split("\n")
        assert.lengthOf(others, 0)
        const { annotations: own, level: mild, message: said } = JSON.parse(before!)
        assert.deepStrictEqual(own, { extension: "early.ts", "event.name": "lambda_extension.events_unknown" })
        assert.match(`${mild} ${said}`, /^WARN the program failed before Extension\.run/)
        const { annotations, cause, level, message } = JSON.parse(line!)
        assert.strictEqual(
          `${level} ${message}`,
          "ERROR init failed; the extension idles from now on, and the function goes on without it"
        )
        assert.include(cause, why)
        assert.deepStrictEqual(annotations, {
          extension: "early.ts",
          "event.name": "lambda_extension.idle",
          phase: "init"
        })
        assert.deepStrictEqual(
          received.map(({ url }) => url.split("/").at(-1)),
          [...("EFFECT_LAMBDA_EXTENSION_IDENTIFIER" in env ? [] : ["register"]), "next", "next"]
        )
      })
    )
  ),
  scenario("a program that must not be missing says so: the same failure is reported to init/error, exit 1", (start) =>
    Effect.gen(function* () {
      const { host, received } = yield* lambda(invoke)
      const run = yield* start("early.ts", { AWS_LAMBDA_RUNTIME_API: host, PROBE: "exit" })
      assert.deepStrictEqual(yield* run.exit, { code: 1, signal: null })
      assert.deepStrictEqual(
        received.map(({ url }) => url.split("/").at(-1)),
        ["register", "error"]
      )
      assert.include(received.at(-1)!.url, "/init/error")
      assert.include(run.output(), "BACKEND_URL")
    })
  ),
  ...consumers.map(([what, probe, lines, code]) =>
    scenario(`${what} is reported to exit/error, and every line names the extension`, (start) =>
      Effect.gen(function* () {
        const { host, received } = yield* lambda(invoke)
        const run = yield* start("stream.ts", { AWS_LAMBDA_RUNTIME_API: host, PROBE: probe, ...registeredByStub })
        assert.strictEqual((yield* run.exit).code, code)
        assert.deepStrictEqual(
          received.map(({ url }) => url.split("/").at(-1)),
          ["next", "error"]
        )
        const said = yield* logOf(run.output())
        assert.deepStrictEqual(
          said.map(({ level, message }, index) => `${level} ${message}`.slice(0, lines[index]?.length)),
          lines
        )
        for (const { annotations } of said) assert.strictEqual(annotations.extension, "stream.ts")
        assert.include(said[0]?.cause, "Boom")
      })
    )
  ),
  scenario("process.exit in a handler is logged with its place", (start, runtime) =>
    Effect.gen(function* () {
      const { host } = yield* lambda(invoke)
      const env = { AWS_LAMBDA_RUNTIME_API: host, PROBE: "process.exit" }
      // The place is that in the source.
      const run = yield* start("probe.ts", env, false)
      assert.strictEqual((yield* run.exit).code, 3)
      const [line, ...others] = yield* logOf(run.output())
      assert.lengthOf(others, 0)
      assert.deepInclude(line, {
        level: "ERROR",
        message: "process.exit was called before SHUTDOWN",
        annotations: { extension: "probe.ts" }
      })
      // bun's stack ends at exit itself, and LLRT runs no sources.
      const place = { Node: /probe\.ts:\d+/, bun: /$/, LLRT: /probe\/bundle\.lrt:\d+:\d+/ }[runtime]
      assert.match(line?.cause ?? "", new RegExp(`process\\.exit\\(3\\)[^]*${place.source}`))
    })
  ),
  scenario("process.exit in onShutdown is a warning: nothing fails", (start) =>
    Effect.gen(function* () {
      const { host } = yield* lambda(() => shutdown(2000))
      const run = yield* start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host, PROBE: "process.exit-shutdown" })
      assert.strictEqual((yield* run.exit).code, 0)
      const [line, ...others] = yield* logOf(run.output())
      assert.lengthOf(others, 0)
      assert.strictEqual(line?.level, "WARN")
      assert.match(line?.message ?? "", /^process\.exit was called during the shutdown: /)
    })
  ),
  scenario("register refused: the reason in the log, exit 1", (start) =>
    Effect.gen(function* () {
      const { host } = yield* makeServer(() =>
        http(
          "403 Forbidden",
          '{"errorMessage":"Extension limit (10) reached","errorType":"Extension.TooManyExtensions"}\n'
        )
      )
      const run = yield* start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host })
      assert.strictEqual((yield* run.exit).code, 1)
      const [line] = yield* logOf(run.output())
      assert.strictEqual(line?.level, "FATAL")
      assert.include(line?.message, "the extension ends: register: refused with 403")
      assert.include(line?.message, "A function can have ten extensions")
      assert.deepStrictEqual(line?.annotations, { extension: "probe.ts" })
    })
  ),
  scenario('policy "exit": reported to exit/error, exit 1', (start) =>
    Effect.gen(function* () {
      const { host, received } = yield* lambda(invoke)
      const run = yield* start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host, PROBE: "exit" })
      assert.strictEqual((yield* run.exit).code, 1)
      const report = received.at(-1)!
      assert.include(report.url, "/exit/error")
      assert.strictEqual(JSON.parse(report.body).errorMessage, "closed")
    })
  ),
  ...["rejection", "exception"].map((probe) =>
    scenario(`an uncaught ${probe} is logged and survived`, (start) =>
      Effect.gen(function* () {
        const { host } = yield* lambda(invoke, invoke, () => shutdown(2000))
        const run = yield* start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host, PROBE: probe })
        assert.strictEqual((yield* run.exit).code, 0)
        const line = (yield* logOf(run.output())).find(({ message }) => message.includes("goes on"))
        assert.deepStrictEqual(line?.annotations, { extension: "probe.ts" })
        assert.include(run.output(), "shutdown spindown")
      })
    )
  )
]
