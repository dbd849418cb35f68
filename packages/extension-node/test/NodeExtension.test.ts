/** runMain as a real process against a scripted server. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Program from "./support/Program.ts"
import { type Answer, http, makeServer, type Received, until } from "./support/RawServer.ts"

const registered = http("200 OK", '{"functionName":"f","functionVersion":"1","handler":""}\n', {
  "Lambda-Extension-Identifier": "8b9ed9b8-3a1a-4a3e-9d2b-2f0e1d6a0c11"
})
const invoke = () =>
  http(
    "200 OK",
    JSON.stringify({ eventType: "INVOKE", deadlineMs: Date.now() + 3000, requestId: "r-1", invokedFunctionArn: "a" })
  )
const shutdown = (milliseconds: number) =>
  http(
    "200 OK",
    JSON.stringify({ eventType: "SHUTDOWN", deadlineMs: Date.now() + milliseconds, shutdownReason: "spindown" })
  )
const accepted = http("202 Accepted", '{"status":"OK"}\n')

/** A Lambda that answers register, then the given polls one after the other; later polls stay parked. */
const lambda = (...polls: ReadonlyArray<() => Answer>) => {
  let index = 0
  return makeServer((request: Received) => {
    if (request.url.endsWith("/register")) return registered
    if (request.url.endsWith("/error")) return accepted
    return polls[index++]?.() ?? "park"
  })
}

const registeredByStub = {
  EFFECT_LAMBDA_EXTENSION_IDENTIFIER: "id-1",
  EFFECT_LAMBDA_EXTENSION_EVENTS: "INVOKE,SHUTDOWN"
}

const consumerFailed = "ERROR the program over the events failed; Lambda is told, and the process must end"

const Line = Schema.Struct({
  level: Schema.String,
  message: Schema.String,
  cause: Schema.optionalKey(Schema.String),
  annotations: Schema.Record(Schema.String, Schema.String)
})
const logOf = (output: string) =>
  Schema.decodeUnknownEffect(Schema.Array(Schema.fromJsonString(Line)))(output.trimEnd().split("\n"))

describe.each(Program.runtimes)("runMain on %s", (name, runtime) => {
  // The Extensions API is never called through a proxy, whatever the runtime does with these variables.
  const proxy = { HTTP_PROXY: "http://127.0.0.1:1", http_proxy: "http://127.0.0.1:1" }
  const start = (program: string, env: Record<string, string>, isBundled?: boolean) =>
    Program.start(program, { ...proxy, ...env }, runtime, isBundled)

  it.live("a log line that cannot be printed costs only itself", () =>
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
  )

  it.live("ends when its last log lines are written, however long they are", () =>
    Effect.gen(function* () {
      const { host } = yield* lambda(() => shutdown(2000))
      const run = yield* start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host, PROBE: "chatty" })
      assert.deepStrictEqual(yield* run.exit, { code: 0, signal: null })
      const [long, last = ""] = run.output().trimEnd().split("\n")
      assert.lengthOf(long ?? "", 4_000_000)
      assert.strictEqual(JSON.parse(last).message, "the last line")
    })
  )

  it.live("ends with 0 after SHUTDOWN; logs are JSON, one line each; the name is the file's", () =>
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
  )

  it.live("adopts a registration that a stub handed over, and takes the variables out of its environment", () =>
    Effect.gen(function* () {
      const { host, received } = yield* lambda(invoke, () => shutdown(2000))
      const run = yield* start("probe.ts", {
        AWS_LAMBDA_RUNTIME_API: host,
        PROBE: "child",
        EFFECT_LAMBDA_EXTENSION_NAME: "my-extension",
        EFFECT_LAMBDA_EXTENSION_IDENTIFIER: "id-1",
        EFFECT_LAMBDA_EXTENSION_EVENTS: "INVOKE,SHUTDOWN",
        EFFECT_LAMBDA_REGISTER_RESPONSE: '{"functionName":"f","functionVersion":"1","handler":""}\n'
      })
      assert.strictEqual((yield* run.exit).code, 0)
      assert.deepStrictEqual(
        received.map(({ url }) => url.split("/").at(-1)),
        ["next", "next"]
      )
      assert.include(run.output(), 'hand-over: ;"')
      assert.strictEqual(received[0]!.headers["lambda-extension-identifier"], "id-1")
    })
  )

  it.live("registers itself under the stub's name if the stub could not register", () =>
    Effect.gen(function* () {
      const { host, received } = yield* lambda(() => shutdown(2000))
      const run = yield* start("probe.ts", {
        AWS_LAMBDA_RUNTIME_API: host,
        EFFECT_LAMBDA_EXTENSION_NAME: "my-extension"
      })
      assert.strictEqual((yield* run.exit).code, 0)
      assert.strictEqual(received[0]!.headers["lambda-extension-name"], "my-extension")
    })
  )

  it.live("survives a cut connection of a parked poll, also while the old poll is still open", () =>
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
  )

  it.live("outside Lambda it says so in one line and ends with 1", () =>
    Effect.gen(function* () {
      const run = yield* start("probe.ts", {})
      assert.strictEqual((yield* run.exit).code, 1)
      const [line, ...others] = run.output().trimEnd().split("\n")
      assert.lengthOf(others, 0)
      assert.include(JSON.parse(line!).message, "does not run inside Lambda or the emulator")
    })
  )

  it.live.each<[string, string, Record<string, string>]>([
    ["a variable that is missing", "BACKEND_URL", {}],
    ["a defect", "a bug", { PROBE: "defect" }],
    ["a variable that is missing, registered by a stub", "BACKEND_URL", registeredByStub]
  ])("%s before the first call to Lambda: a failed init, the function goes on", ([, why, env]) =>
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

  it.live("a program that must not be missing says so: the same failure is reported to init/error, exit 1", () =>
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
  )

  it.live.each<[string, string, ReadonlyArray<string>, number]>([
    ["a consumer of the stream that fails", "", [consumerFailed, "FATAL the extension ends: Boom"], 1],
    ["one whose failure is caught around it", "caught", [consumerFailed], 0],
    [
      "one that is retried, where a stub has registered",
      "retried",
      [consumerFailed, "FATAL the extension ends: Extension.events (or run) began a second time in this process: "],
      1
    ]
  ])("%s is reported to exit/error, and every line names the extension", ([, probe, lines, code]) =>
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

  it.live("process.exit in a handler is logged with its place", () =>
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
      // bun's stack ends at exit itself.
      assert.match(line?.cause ?? "", name === "bun" ? /process\.exit\(3\)/ : /process\.exit\(3\)[^]*probe\.ts:\d+/)
    })
  )

  it.live("process.exit in onShutdown is a warning: nothing fails", () =>
    Effect.gen(function* () {
      const { host } = yield* lambda(() => shutdown(2000))
      const run = yield* start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host, PROBE: "process.exit-shutdown" })
      assert.strictEqual((yield* run.exit).code, 0)
      const [line, ...others] = yield* logOf(run.output())
      assert.lengthOf(others, 0)
      assert.strictEqual(line?.level, "WARN")
      assert.match(line?.message ?? "", /^process\.exit was called during the shutdown: /)
    })
  )

  it.live("register refused: the reason in the log, exit 1", () =>
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
  )

  it.live('policy "exit": reported to exit/error, exit 1', () =>
    Effect.gen(function* () {
      const { host, received } = yield* lambda(invoke)
      const run = yield* start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host, PROBE: "exit" })
      assert.strictEqual((yield* run.exit).code, 1)
      const report = received.at(-1)!
      assert.include(report.url, "/exit/error")
      assert.strictEqual(JSON.parse(report.body).errorMessage, "closed")
    })
  )

  for (const [signal, code] of [
    ["SIGTERM", 143],
    ["SIGINT", 130]
  ] as const) {
    it.live(`${signal}: finalizers run, exit ${code}`, () =>
      Effect.gen(function* () {
        const { host, received } = yield* lambda(invoke)
        const run = yield* start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host })
        yield* until("the parked poll", () => received.length === 3)
        run.child.kill(signal)
        assert.deepStrictEqual(yield* run.exit, { code, signal: null })
        assert.include(run.output(), `shutdown ${signal}`)
      })
    )
  }

  it.live.each(["stuck-finalizer", "stuck-shutdown"])("%s: still ends with 0 before the deadline", (probe) =>
    Effect.gen(function* () {
      const { host } = yield* lambda(() => shutdown(1500))
      const run = yield* start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host, PROBE: probe })
      assert.deepStrictEqual(yield* run.exit, { code: 0, signal: null })
      assert.notInclude(run.output(), "the deadline has passed")
    })
  )

  it.live.each(["rejection", "exception"])("an uncaught %s is logged and survived", (probe) =>
    Effect.gen(function* () {
      const { host } = yield* lambda(invoke, invoke, () => shutdown(2000))
      const run = yield* start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host, PROBE: probe })
      assert.strictEqual((yield* run.exit).code, 0)
      const line = (yield* logOf(run.output())).find(({ message }) => message.includes("goes on"))
      assert.deepStrictEqual(line?.annotations, { extension: "probe.ts" })
      assert.include(run.output(), "shutdown spindown")
    })
  )

  it.live("a handle that the user forgot does not hold the process", () =>
    Effect.gen(function* () {
      const { host } = yield* lambda(invoke, () => shutdown(2000))
      const run = yield* start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host, PROBE: "busy" })
      assert.deepStrictEqual(yield* run.exit, { code: 0, signal: null })
    })
  )
})

// On Node a poll is repeated on purpose if its connection dies at once: LambdaHttpClient does that itself.
for (const [, bun] of Program.runtimes.filter(([name]) => name === "bun")) {
  it.live("bun does not repeat a poll that lost its connection behind our back", () =>
    Effect.gen(function* () {
      const { cut, host, received } = yield* lambda(
        () => "park",
        invoke,
        () => shutdown(2000)
      )
      const run = yield* Program.start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host }, bun)
      yield* until("the parked poll", () => received.length === 2)
      cut()
      assert.deepStrictEqual(yield* run.exit, { code: 0, signal: null })
      assert.include(run.output(), "the poll was lost")
      assert.include(run.output(), "handled r-1")
    })
  )
}
