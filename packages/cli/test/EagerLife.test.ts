/** Layers with an eager stub in the emulator: the program comes up late, not at all, or is frozen in the middle. */
import * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { bundled } from "../../tools/programs.ts"
import * as Loader from "../src/build/entry/Loader.ts"
import * as Stub from "../src/build/entry/Stub.ts"
import { minimumNode } from "../src/layer/LayerLimits.ts"
import { layerOf } from "./support/layers.ts"

const handler = join(import.meta.dirname, "fixtures/handler.mjs")
const source = "extension:hello"
const own = <A extends { readonly source?: string }>(entry: A) => entry.source === source

/** A program holds its start here until the test lets it go on, so that no test depends on the speed of the machine. */
const hold = `
  const { existsSync, writeFileSync } = require("node:fs")
  const { join } = require("node:path")
  const wait = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
  const isReleased = () => existsSync(join(__dirname, "go"))
  const hold = () => { while (!isReleased()) wait() }`

const library = await bundled(join(import.meta.dirname, "programs/library.ts"))

/** A program with the library, whose init goes on when the test says so. */
const program = (options: string) => `
  ${hold}
  const { Effect, Extension, Layer, NodeExtension } = require(${JSON.stringify(library)})
  const released = Effect.repeat(Effect.sleep(5), { until: isReleased })
  NodeExtension.runMain(Extension.run({
    onInvoke: ({ requestId }) => Effect.log("handled " + requestId),
    onShutdown: () => Effect.log("shutdown"),
    ${options}
  }))`

/** A function that comes up when the program has begun to build its layer. */
const patient = `
  import { existsSync } from "node:fs"
  while (!existsSync(new URL("hello/begun", import.meta.url))) await new Promise((resolve) => setTimeout(resolve, 5))
  export const handler = async (event) => event`

const environment = Effect.fnUntraced(function* (
  bundle: string,
  options: Partial<Pick<Emulator.Options, "faults" | "freeze" | "initType">> = {},
  node = process.execPath
) {
  const layer = yield* layerOf({
    "extensions/hello": Stub.render({
      name: "hello",
      events: ["INVOKE", "SHUTDOWN"],
      runtime: "managed",
      start: "eager"
    }),
    "hello/index.cjs": Loader.render({ name: "hello", minimumNode }),
    "hello/bundle.cjs": bundle,
    "handler.mjs": patient
  })
  const emulator = yield* Emulator.make({
    extensions: { opt: layer },
    function: { handler: bundle.includes("begun") ? join(layer, "handler.mjs") : handler },
    environment: { EFFECT_LAMBDA_NODE: node },
    // An invocation starts processes here, on a machine that may be busy.
    timeout: 60_000,
    ...options
  })
  const { invoke, journal, shutdown } = emulator
  return {
    initEnded: journal.waitFor(Journal.is("InitEnded"), "1 minute"),
    go: Effect.sync(() => writeFileSync(join(layer, "hello/go"), "")),
    invoked: journal.waitFor(
      Journal.is("EventDelivered", (entry) => own(entry) && entry.eventType === "INVOKE"),
      "1 minute"
    ),
    journal,
    invoke: invoke("{}"),
    responded: journal.waitFor(Journal.is("RuntimeResponded"), "1 minute"),
    done: journal.waitFor(Journal.is("InvocationDone"), "1 minute"),
    doneWith: (requestId: string) =>
      journal.waitFor(
        Journal.is("InvocationDone", (done) => done.requestId === requestId),
        "1 minute"
      ),
    shutdown: shutdown(),
    lines: Effect.map(journal.entries, (entries) =>
      entries
        .filter(Journal.is("Output", own))
        .map(({ line }) => (line.startsWith("{") ? JSON.parse(line) : { message: line }))
    )
  }
})

const didNotComeUp = (reason: string) =>
  "the entry has sent the first next and the program did not come up, so an invocation fails instead of init: " + reason

describe("a layer that starts eagerly", { concurrent: true }, () => {
  it.live("init of the function ends without the program, and the event waits until the program is ready", () =>
    Effect.gen(function* () {
      const world = yield* environment(program("layer: Layer.effectDiscard(released)"))
      assert.strictEqual((yield* world.initEnded).status, "success")
      const answer = Fiber.join(yield* Effect.forkChild(world.invoke))
      yield* world.invoked
      assert.isEmpty(yield* world.lines)
      yield* world.go
      const done = yield* world.done
      assert.strictEqual(done.status, "success")
      assert.isUndefined((yield* answer).functionError)
      yield* world.shutdown
      assert.deepStrictEqual(
        (yield* world.lines).map(({ message }) => message),
        [`handled ${done.requestId}`, "shutdown"]
      )
      const entries = yield* world.journal.entries
      assert.isEmpty(entries.filter(Journal.is("ApiRefused")))
    })
  )

  it.live(
    "a program that throws: Extension.ExitError in that invocation, and the log says that the stub has polled",
    () =>
      Effect.gen(function* () {
        const world = yield* environment(`${hold}\nhold()\nthrow new Error("no such table")`)
        const answer = Fiber.join(yield* Effect.forkChild(world.invoke))
        yield* world.invoked
        yield* world.responded
        yield* world.go
        const done = yield* world.done
        assert.deepStrictEqual([done.status, done.errorType], ["error", "Extension.ExitError"])
        // The function had answered before.
        assert.isUndefined((yield* answer).functionError)
        const entries = yield* world.journal.entries
        const [report, ...others] = entries.filter(Journal.is("ErrorReported", own))
        assert.isEmpty(others)
        assert.deepStrictEqual([report?.route, report?.errorType], ["exit/error", "Extension.LoadError"])
        const message = didNotComeUp("the program could not be loaded: no such table")
        assert.strictEqual(JSON.parse(report?.body ?? "").errorMessage, message)
        assert.deepStrictEqual(
          (yield* world.lines).map(({ level, message }) => `${level} ${message}`),
          [`FATAL hello: ${message}`]
        )
        assert.isEmpty(entries.filter(Journal.is("ApiRefused")))
      })
  )

  it.live("a program that cannot be read fails init, or the invocation that comes first", () =>
    Effect.gen(function* () {
      const world = yield* environment("const a = (\n")
      const fatal = yield* world.journal.waitFor(Journal.is("Fatal", own), "1 minute")
      assert.strictEqual(fatal.errorType, "Extension.ExitError")
      const [line] = yield* world.lines
      assert.include(line.message, didNotComeUp("the program could not be loaded: Unexpected token"))
    })
  )

  it.live("no runtime that can be started: the stub says that an invocation fails", () =>
    Effect.gen(function* () {
      const world = yield* environment("", {}, "/nowhere/node")
      const fatal = yield* world.journal.waitFor(Journal.is("Fatal", own), "1 minute")
      assert.strictEqual(fatal.errorType, "Extension.ExitError")
      const lines = yield* world.lines
      assert.lengthOf(lines, 1)
      assert.match(
        lines[0].message,
        /no runtime can be started, tried .*\/nowhere\/node: .*; the first next was sent, so an invocation fails instead of init$/
      )
    })
  )

  it.live.each<[string, string]>([
    ["ends with code 3", "process.exit(3)"],
    ["is killed", 'process.kill(process.pid, "SIGKILL")']
  ])(
    "a program that %s in its start: Extension.Crash in that invocation, and the next one has a new process",
    ([, end]) =>
      Effect.gen(function* () {
        const first = `${hold}
        if (!isReleased()) {
          hold()
          ${end}
        }`
        const world = yield* environment(`${first}\n${program("").replace(hold, "")}`)
        const answer = Fiber.join(yield* Effect.forkChild(world.invoke))
        yield* world.invoked
        yield* world.responded
        yield* world.go
        const done = yield* world.done
        assert.deepStrictEqual([done.status, done.errorType], ["error", "Extension.Crash"])
        assert.isUndefined((yield* answer).functionError)
        const again = yield* world.invoke
        assert.isUndefined(again.functionError)
        assert.strictEqual((yield* world.doneWith(again.requestId)).status, "success")
        yield* world.shutdown
        assert.deepStrictEqual(
          (yield* world.lines).map(({ message }) => message),
          [`handled ${again.requestId}`, "shutdown"]
        )
      })
  )

  it.live("a layer that fails: the extension idles, and the waiting event is read", () =>
    Effect.gen(function* () {
      const layer = 'Layer.effectDiscard(Effect.andThen(released, Effect.fail(new Error("no backend"))))'
      const world = yield* environment(program(`layer: ${layer}`))
      const answer = Fiber.join(yield* Effect.forkChild(world.invoke))
      yield* world.invoked
      yield* world.go
      assert.isUndefined((yield* answer).functionError)
      assert.strictEqual((yield* world.done).status, "success")
      yield* world.shutdown
      const [line, ...others] = yield* world.lines
      assert.isEmpty(others)
      assert.strictEqual(line.annotations["event.name"], "lambda_extension.idle")
    })
  )

  it.live('a layer that fails under onInitFailure "exit": Extension.ExitError in the invocation', () =>
    Effect.gen(function* () {
      const layer = 'Layer.effectDiscard(Effect.andThen(released, Effect.fail(new Error("no backend"))))'
      const world = yield* environment(program(`onInitFailure: "exit", layer: ${layer}`))
      const answer = Fiber.join(yield* Effect.forkChild(world.invoke))
      yield* world.invoked
      yield* world.responded
      yield* world.go
      const done = yield* world.done
      assert.deepStrictEqual([done.status, done.errorType], ["error", "Extension.ExitError"])
      // The function had answered before.
      assert.isUndefined((yield* answer).functionError)
      const entries = yield* world.journal.entries
      assert.deepStrictEqual(
        entries.filter(Journal.is("ErrorReported", own)).map(({ route }) => route),
        ["exit/error"]
      )
      assert.isEmpty(entries.filter(Journal.is("ApiRefused")))
    })
  )

  it.live.each(["on-demand", "provisioned-concurrency", "snap-start"] as const)(
    "frozen in the middle of its start (%s): it goes on after the thaw, and the freeze does not count as init",
    (initType) =>
      Effect.gen(function* () {
        // The function polls when the layer is being built. The freeze lasts longer than init may, and the layer is not done
        // after it.
        const layer = `Effect.suspend(() => {
          writeFileSync(join(__dirname, "begun"), "")
          return Effect.repeat(Effect.sleep(50), { times: 10 })
        })`
        const world = yield* environment(program(`initTimeout: "2 seconds", layer: Layer.effectDiscard(${layer})`), {
          initType,
          freeze: true,
          faults: [{ _tag: "HoldThaw", hold: "4 seconds" }]
        })
        yield* world.journal.waitFor(Journal.is("Frozen"), "1 minute")
        assert.isEmpty(yield* world.lines)
        const { functionError } = yield* world.invoke
        assert.isUndefined(functionError)
        const done = yield* world.done
        assert.strictEqual(done.status, "success")
        yield* world.shutdown
        const entries = yield* world.journal.entries
        assert.isAtLeast(entries.find(Journal.is("Thawed"))?.frozenMs ?? 0, 4000)
        assert.deepStrictEqual(
          (yield* world.lines).map(({ message }) => message),
          [`handled ${done.requestId}`, "shutdown"]
        )
        // The poll of the stub, and no other before the event.
        assert.isEmpty(entries.filter(Journal.is("ApiRefused")))
      })
  )
})
