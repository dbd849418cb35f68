/** Runs an extension in the manner of a real one to the end of its environment, and checks what it did. */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { makeReceiver } from "./receiver.ts"
import { hasPython, script, startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

/** An extension, and the expected observations of it. */
export interface Foreign {
  /** Its file in `extensions`, or its name in the function's own process. */
  readonly name: string
  /** A folder laid out as /opt, or the function's program. */
  readonly at: { readonly opt: string } | { readonly function: string }
  readonly needs?: "python3"
  readonly events: ReadonlyArray<string>
  readonly subscription?: RegExp
  /** The text that its backend has of each invocation, besides the line of the function. */
  readonly brings: ReadonlyArray<string>
  /** Further texts that its backend has. */
  readonly says?: ReadonlyArray<string>
  /** Records that came too late for it: lines that it prints when its listener is closed already. */
  readonly late?: number
}

/** A function whose lines are told to subscribers. */
const printingFunction = script(`
  for (;;) {
    const { id, body } = await nextInvocation()
    console.log("works on " + id)
    await respond(id, body)
  }`)

const Records = Schema.fromJsonString(
  Schema.Array(
    Schema.Struct({
      type: Schema.String,
      name: Schema.optionalKey(Schema.String),
      requestId: Schema.optionalKey(Schema.String),
      record: Schema.optionalKey(
        Schema.Union([Schema.String, Schema.Struct({ requestId: Schema.optionalKey(Schema.String) })])
      )
    })
  )
)

/** A line for a record, without the parts that differ each time. */
const told = (body: string): ReadonlyArray<string> =>
  Schema.decodeUnknownSync(Records)(body).map(({ name, record, requestId, type }) => {
    if (typeof record === "string") return `${type}: ${record.trimEnd()}`
    return [type, name, requestId ?? record?.requestId].filter((word) => word !== undefined).join(" ")
  })

const count = (batches: ReadonlyArray<{ readonly records: number }>): number =>
  batches.reduce((sum, { records }) => sum + records, 0)

/** Two invocations and SHUTDOWN. */
export const run = Effect.fnUntraced(function* (foreign: Foreign) {
  const { at, name } = foreign
  const isInternal = "function" in at
  const backend = yield* makeReceiver
  const directory = yield* temporaryDirectory
  const command = isInternal ? at.function : writeExecutable(directory, "function.cjs", printingFunction)
  const started = yield* Effect.result(
    startEmulator({
      ...(isInternal ? undefined : { extensions: { opt: at.opt, root: true } }),
      function: { command: [command] },
      environment: { BACKEND_URL: backend.url },
      timeout: "10 seconds",
      freeze: true
    })
  )
  if (started._tag === "Failure") {
    // A machine that permits no mount says so before anything starts.
    assert.strictEqual(started.failure.reason._tag, "RootUnavailable")
    return
  }
  const emulator = started.success
  const first = yield* emulator.invoke("1", { requestId: "first" })
  if (foreign.needs === "python3" && !hasPython) {
    // A machine without the interpreter shows what Lambda shows in a runtime without it.
    assert.include(first.payload, "exit status 127")
    return
  }
  const second = yield* emulator.invoke("2", { requestId: "second" })
  assert.deepStrictEqual([first.payload, second.payload], ["1", "2"])
  yield* emulator.journal.waitFor(
    Journal.is("InvocationDone", ({ requestId }) => requestId === "second"),
    "10 seconds"
  )
  yield* emulator.shutdown()
  const entries = yield* emulator.journal.entries

  const source = `extension:${name}`
  assert.deepStrictEqual(
    entries.filter(Journal.is("Registered")).map((entry) => [entry.source, entry.kind, entry.events]),
    [[source, isInternal ? "internal" : "external", foreign.events]]
  )
  const subscriptions = entries
    .filter(Journal.is("TelemetrySubscription", ({ state }) => state === "Subscribed"))
    .map(({ api, destination, schemaVersion, types }) => `${api} ${schemaVersion} ${types.join()} ${destination}`)
  if (foreign.subscription === undefined) assert.deepStrictEqual(subscriptions, [])
  else assert.match(subscriptions.join("\n"), foreign.subscription)

  const shipped = backend.received.flatMap(told)
  if (foreign.subscription !== undefined) {
    assert.lengthOf(shipped, count(entries.filter(Journal.is("TelemetryDelivered"))))
    assert.strictEqual(count(entries.filter(Journal.is("TelemetryDropped"))), foreign.late ?? 0)
  }
  for (const id of ["first", "second"]) {
    for (const line of foreign.brings) assert.include(shipped, `${line} ${id}`)
    if (foreign.subscription !== undefined) assert.include(shipped, `function: works on ${id}`)
  }
  for (const line of foreign.says ?? []) assert.include(shipped, line)

  assert.deepStrictEqual(entries.filter(Journal.is("Killed", ({ signal }) => signal === "SIGKILL")), [])
  const ended = entries.filter(Journal.is("ProcessExited"))
  const own = isInternal ? "runtime" : source
  assert.deepStrictEqual(ended.find((entry) => entry.source === own)?.status, { _tag: "Code", code: 0 })
}, Effect.scoped)
