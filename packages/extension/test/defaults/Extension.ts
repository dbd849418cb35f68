/** The defaults of `Extension.run` and `Extension.events`. */
import { Extension } from "@effect-lambda/extension"
import { ExtensionTest } from "@effect-lambda/extension/testing"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { capturedLogs, runInTime } from "../support.ts"
import type { Default } from "./Default.ts"

const { invoke, journal, note, shutdown, unknown } = ExtensionTest

const stuck = Effect.uninterruptible(Effect.never)

type Provided = Layer.Success<ReturnType<typeof ExtensionTest.layer>>

/** Runs without telemetry: the entries of the journal, and the log. */
const plain = <A, E>(script: ReadonlyArray<ExtensionTest.Step>, run: Effect.Effect<A, E, Provided>) =>
  Effect.gen(function* () {
    const { layer: logs, messages } = capturedLogs()
    const exit = yield* runInTime(Effect.provide(run, logs))
    const entries = yield* journal
    const notes = entries.flatMap((entry) => (entry._tag === "Note" ? [entry.text] : []))
    const registered = entries.find((entry) => entry._tag === "Registered")
    const nexts = entries.flatMap(({ _tag, at }) => (_tag === "Next" ? [at] : []))
    return { exit, messages, nexts, notes, registered }
  }).pipe(Effect.provide(ExtensionTest.layer(script, { fileName: "file" })))

const handled = (event: { readonly requestId: string }) => note(`handled ${event.requestId}`)

export const defaults: ReadonlyArray<Default> = [
  {
    module: "Extension",
    option: "name",
    standard: "the base name of the executed file",
    shows: Effect.map(plain([shutdown()], Extension.run({})), ({ registered }) =>
      assert.deepInclude(registered, { name: "file" })
    )
  },
  {
    module: "Extension",
    option: "events",
    standard: "both",
    shows: Effect.map(plain([shutdown()], Extension.run({})), ({ registered }) =>
      assert.deepInclude(registered, { events: ["INVOKE", "SHUTDOWN"] })
    )
  },
  {
    module: "Extension",
    option: "onInitFailure",
    standard: '`"idle"`',
    shows: Effect.gen(function* () {
      const failing = { layer: Layer.effectDiscard(Effect.fail("no")), onInvoke: handled }
      const { exit, nexts, notes } = yield* plain([invoke(), shutdown()], Extension.run(failing))
      assert.deepStrictEqual([exit._tag, nexts.length, notes], ["Success", 2, []])
    })
  },
  {
    module: "Extension",
    option: "initTimeout",
    standard: "8 seconds",
    shows: Effect.map(plain([shutdown()], Extension.run({ layer: Layer.effectDiscard(stuck) })), ({ nexts }) =>
      assert.deepStrictEqual(nexts, [8000])
    )
  },
  {
    module: "Extension",
    option: "onUnknown",
    standard: "log each type once",
    shows: Effect.gen(function* () {
      const script = ["A", "A", "B"].map((eventType) => unknown({ eventType }))
      const { messages } = yield* plain([...script, shutdown()], Extension.run({}))
      assert.deepStrictEqual(
        messages.map((message) => /of the unknown type ("\w+")/.exec(message)?.[1]),
        ['"A"', '"B"']
      )
    })
  },
  {
    module: "Extension",
    option: "onFailure",
    standard: '`"continue"`',
    shows: Effect.gen(function* () {
      const onInvoke = (event: { readonly requestId: string }) => Effect.andThen(handled(event), Effect.fail("no"))
      const { exit, notes } = yield* plain([invoke(), invoke(), shutdown()], Extension.run({ onInvoke }))
      assert.deepStrictEqual([exit._tag, notes], ["Success", ["handled request-1", "handled request-2"]])
    })
  },
  {
    module: "Extension",
    option: "onDefect",
    standard: '`"idle"`',
    shows: Effect.gen(function* () {
      const onInvoke = (event: { readonly requestId: string }) => Effect.andThen(handled(event), Effect.die("bug"))
      const { exit, nexts, notes } = yield* plain([invoke(), invoke(), shutdown()], Extension.run({ onInvoke }))
      assert.deepStrictEqual([exit._tag, nexts.length, notes], ["Success", 3, ["handled request-1"]])
    })
  },
  {
    module: "Extension",
    option: "maxHandlerTime",
    standard: "no limit but the deadline",
    shows: Effect.map(
      plain(
        [invoke({ timeout: "15 minutes" }), shutdown()],
        Extension.run({ onInvoke: () => Effect.never, margin: 0 })
      ),
      ({ nexts }) => assert.deepStrictEqual(nexts, [0, 900_000])
    )
  },
  {
    module: "Extension",
    option: "margin",
    standard: "200 milliseconds",
    shows: Effect.map(plain([invoke(), shutdown()], Extension.run({ onInvoke: () => Effect.never })), ({ nexts }) =>
      assert.deepStrictEqual(nexts, [0, 2800])
    )
  }
]
