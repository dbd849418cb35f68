/** SnapStart: init, a snapshot in which nothing runs and connections to the outside are cut, and one restore of it. */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Path from "node:path"
import NodeProcess from "node:process"
import {
  awaitTrue,
  echoFunction,
  politeExtension,
  request,
  script,
  startEmulator,
  temporaryDirectory,
  writeExecutable
} from "./support.ts"

const runtime = "/2018-06-01/runtime"

/** A runtime that waits for the restore, and tells when it came. */
const restoredFunction = script(`
  const { status, body } = await call("GET", "${runtime}/restore/next")
  console.log("restored", status, body.length)
  for (;;) {
    const { id, body } = await nextInvocation()
    if (body === '"crash"') process.exit(3)
    await respond(id, body)
  }`)

const programs = Effect.fnUntraced(function* (functionText: string) {
  const directory = yield* temporaryDirectory
  const command = writeExecutable(directory, "function.cjs", functionText)
  const extension = writeExecutable(directory, "polite", politeExtension)
  // An init inside an invocation has the time of the invocation, and a busy machine needs more than three seconds.
  return { function: { command: [command] }, extensions: [extension], initType: "snap-start", timeout: 30_000 } as const
})

const tags = (entries: ReadonlyArray<Journal.JournalEntry>, ...wanted: ReadonlyArray<Journal.JournalEntry["_tag"]>) =>
  entries.flatMap(({ _tag }) => (wanted.includes(_tag) ? [_tag] : []))

const linesOf = (entries: ReadonlyArray<Journal.JournalEntry>) =>
  entries.flatMap((entry) => (entry._tag === "Output" ? [entry.line] : []))

/** Counts connections, and sends back what it is sent. */
const makeBackend: Effect.Effect<
  { readonly port: number; readonly connections: ReadonlyArray<{ isReset: boolean }> },
  never,
  Scope.Scope
> = Effect.gen(function* () {
  const connections: Array<{ isReset: boolean }> = []
  const server = Net.createServer((socket) => {
    const connection = { isReset: false }
    connections.push(connection)
    socket.on("error", (error: NodeJS.ErrnoException) => {
      connection.isReset = error.code === "ECONNRESET"
    })
    socket.pipe(socket)
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () => Effect.sync(() => server.close())
  )
  const address = server.address()
  return { connections, port: address !== null && typeof address === "object" ? address.port : 0 }
})

describe("SnapStart", { concurrent: true }, () => {
  it.live("init, snapshot, restore by the first invocation; the second one is as always", () =>
    Effect.gen(function* () {
      const { invoke, journal, shutdown } = yield* startEmulator(yield* programs(restoredFunction))
      yield* journal.waitFor(Journal.is("SnapshotTaken"))
      for (const payload of ["1", "2"]) {
        const { payload: answered, requestId } = yield* invoke(payload)
        assert.strictEqual(answered, payload)
        yield* journal.waitFor(Journal.is("InvocationDone", (done) => done.requestId === requestId))
      }
      yield* shutdown()
      const entries = yield* journal.entries
      const order = ["RestoreNextCalled", "InitEnded", "Frozen", "SnapshotTaken", "RestoreStarted", "Thawed"] as const
      const invocation = ["InvocationStarted", "InvocationDone"] as const
      assert.deepStrictEqual(tags(entries, ...order, "RestoreEnded", ...invocation), [
        ...order,
        "RestoreEnded",
        ...invocation,
        ...invocation
      ])
      assert.deepInclude(entries.find(Journal.is("RestoreEnded")), { status: "success", errorType: undefined })
      const thawed = entries.find(Journal.is("Thawed"))
      const restored = entries.find(Journal.is("Output", ({ line }) => line === "restored 200 0"))
      assert.isAbove(restored?.index ?? 0, thawed?.index ?? Infinity)
      // Extensions get no event of it, and their polls have outlived it.
      assert.deepStrictEqual(
        entries.filter(Journal.is("EventDelivered")).map(({ eventType, lost }) => [eventType, lost]),
        [
          ["INVOKE", false],
          ["INVOKE", false],
          ["SHUTDOWN", false]
        ]
      )
      assert.deepStrictEqual(entries.filter(Journal.is("PollAborted")), [])
    })
  )

  it.live("a runtime that takes no interest in the restore gets the invocation at once", () =>
    Effect.gen(function* () {
      const { invoke, journal } = yield* startEmulator(yield* programs(echoFunction))
      assert.strictEqual((yield* invoke("1")).payload, "1")
      const entries = yield* journal.entries
      const [started, ended] = [entries.find(Journal.is("RestoreStarted")), entries.find(Journal.is("RestoreEnded"))]
      assert.strictEqual(started?.at, ended?.at)
    })
  )

  it.live("connections to the outside are reset, those inside and to the Runtime API stay", () =>
    Effect.gen(function* () {
      if (NodeProcess.platform !== "linux") return
      const backend = yield* makeBackend
      const directory = yield* temporaryDirectory
      const connecting = script(`
        const net = require("node:net")
        const connect = (port) => new Promise((resolve) => {
          const socket = net.connect(port, "127.0.0.1", () => {
            socket.on("error", (error) => { socket.end = error.code })
            socket.on("data", (data) => socket.emit("back", String(data)))
            resolve(socket)
          })
        })
        const inside = net.createServer((socket) => socket.pipe(socket))
        await new Promise((resolve) => inside.listen(0, "127.0.0.1", resolve))
        const sockets = { outside: await connect(${backend.port}), inside: await connect(inside.address().port) }
        await register(["INVOKE", "SHUTDOWN"])
        while ((await next()).eventType === "INVOKE") for (const [name, socket] of Object.entries(sockets)) {
          const back = new Promise((resolve) => { socket.once("back", resolve); socket.once("close", () => resolve(socket.end)) })
          if (!socket.destroyed) socket.write("hello")
          console.log(name, socket.destroyed ? socket.end : await back)
        }
        process.exit(0)`)
      const options = yield* programs(restoredFunction)
      const extension = writeExecutable(directory, "connecting", connecting)
      const { invoke, journal, shutdown } = yield* startEmulator({ ...options, extensions: [extension] })
      const taken = yield* journal.waitFor(Journal.is("SnapshotTaken"))
      assert.deepInclude(taken, { connections: 1, problem: undefined })
      yield* awaitTrue(() => backend.connections[0]?.isReset === true)
      const { requestId } = yield* invoke("1")
      yield* journal.waitFor(Journal.is("InvocationDone", (done) => done.requestId === requestId))
      yield* shutdown()
      assert.deepStrictEqual(
        linesOf(yield* journal.entries).filter((line) => line.includes("side")),
        ["outside ECONNRESET", "inside hello"]
      )
      assert.lengthOf(backend.connections, 1)
    })
  )

  it.live("an environment that is never invoked ends in order", () =>
    Effect.gen(function* () {
      const { journal, shutdown } = yield* startEmulator(yield* programs(restoredFunction))
      yield* journal.waitFor(Journal.is("SnapshotTaken"))
      yield* shutdown()
      const entries = yield* journal.entries
      assert.deepStrictEqual(
        entries.filter(Journal.is("ProcessExited")).map(({ state, status }) => [status, state]),
        [
          [{ _tag: "Signal", signal: "SIGTERM" }, undefined],
          [{ _tag: "Code", code: 0 }, "Exited"]
        ]
      )
      assert.deepStrictEqual(tags(entries, "RestoreStarted"), [])
    })
  )

  it.live("after a crash everything is initialised inside the next invocation, which restores nothing", () =>
    Effect.gen(function* () {
      const { invoke, journal } = yield* startEmulator(yield* programs(restoredFunction))
      assert.strictEqual((yield* invoke('"crash"')).functionError, "Runtime.ExitError")
      assert.strictEqual((yield* invoke("2")).payload, "2")
      const entries = yield* journal.entries
      assert.deepStrictEqual(tags(entries, "InitStarted", "SnapshotTaken", "RestoreStarted", "RestoreNextCalled"), [
        "InitStarted",
        "RestoreNextCalled",
        "SnapshotTaken",
        "RestoreStarted",
        "InitStarted",
        "RestoreNextCalled"
      ])
    })
  )

  it.live("credentials come from the Runtime API, for the token in the environment", () =>
    Effect.gen(function* () {
      const printing = script(`
        for (const name of Object.keys(process.env)) if (/^AWS_(CONTAINER|ACCESS|SECRET|SESSION|LAMBDA_(INIT|LOG_GROUP))/.test(name)) console.log(name)
        const { AWS_CONTAINER_CREDENTIALS_FULL_URI: uri, AWS_CONTAINER_AUTHORIZATION_TOKEN: authorization } = process.env
        const answer = await fetch(uri, { headers: { authorization } })
        const { Expiration, ...credentials } = await answer.json()
        console.log(JSON.stringify(credentials), Date.parse(Expiration) > Date.now())
        await nextInvocation()`)
      const options = yield* programs(printing)
      const credentials = { accessKeyId: "id", secretAccessKey: "s<cret", sessionToken: "token" }
      const { journal, runtimeApi } = yield* startEmulator({ ...options, extensions: [], credentials })
      yield* journal.waitFor(Journal.is("SnapshotTaken"))
      assert.sameMembers(
        [...linesOf(yield* journal.entries)],
        [
          "AWS_CONTAINER_CREDENTIALS_FULL_URI",
          "AWS_CONTAINER_AUTHORIZATION_TOKEN",
          "AWS_LAMBDA_INITIALIZATION_TYPE",
          '{"AccessKeyId":"id","SecretAccessKey":"s<cret","Token":"token"} true'
        ]
      )
      const refused = yield* request(runtimeApi, "GET", "/2021-04-23/credentials", { authorization: "another" })
      assert.deepInclude(refused, { status: 404, body: "cannot get credentials for the provided token\n" })
    })
  )

  it.live.each([
    ["GET", `${runtime}/restore/next`],
    ["POST", `${runtime}/restore/error`],
    ["GET", "/2021-04-23/credentials"]
  ] as const)("without SnapStart there is no %s %s", ([method, path]) =>
    Effect.gen(function* () {
      const { runtimeApi } = yield* startEmulator({ initType: "provisioned-concurrency" })
      assert.deepInclude(yield* request(runtimeApi, method, path), { status: 404, body: "404 page not found\n" })
    })
  )
})

/** The library of the managed runtime, with the parts that a function and the runtime use. */
const hooksLibrary = `
before, after = [], []
def register_before_snapshot(function, *args, **kwargs):
    before.append((function, args, kwargs))
    return function
def register_after_restore(function, *args, **kwargs):
    after.append((function, args, kwargs))
    return function
def get_before_snapshot():
    return before
def get_after_restore():
    return after
`

describe("the Python runtime", { concurrent: true }, () => {
  const pythonFunction = Effect.fnUntraced(function* (hooks: string) {
    const directory = yield* temporaryDirectory
    Fs.writeFileSync(Path.join(directory, "snapshot_restore_py.py"), hooksLibrary)
    const handler = Path.join(directory, "main.py")
    const text = `${hooks}\ndef handler(event, context):\n    print("handler", context.log_stream_name)\n    return event\n`
    Fs.writeFileSync(handler, text)
    return yield* startEmulator({ function: { handler }, initType: "snap-start" })
  })

  it.live("runs the hooks, the last one first before the snapshot and in their order after the restore", () =>
    Effect.gen(function* () {
      const { invoke, journal } = yield* pythonFunction(`
from snapshot_restore_py import register_after_restore, register_before_snapshot
register_before_snapshot(print, "before 1")
register_before_snapshot(print, "before 2")
register_after_restore(print, "after 1")
register_after_restore(print, "after", 2)`)
      yield* journal.waitFor(Journal.is("SnapshotTaken"))
      assert.deepStrictEqual(linesOf(yield* journal.entries), ["before 2", "before 1"])
      assert.strictEqual((yield* invoke('{"a":1}')).payload, '{"a": 1}')
      assert.deepStrictEqual(linesOf(yield* journal.entries).slice(2), ["after 1", "after 2", "handler None"])
    })
  )

  it.live("a hook that fails after the restore fails the invocation that waited for it", () =>
    Effect.gen(function* () {
      const { invoke, journal } = yield* pythonFunction(`
from snapshot_restore_py import register_after_restore
@register_after_restore
def connect():
    raise ConnectionError("no database")`)
      const failed = yield* invoke("1")
      assert.strictEqual(failed.functionError, "Runtime.RestoreHookUserError")
      assert.include(failed.payload, "Runtime.AfterRestoreError")
      const entries = yield* journal.entries
      const ended = entries.find(Journal.is("RestoreEnded"))
      assert.deepInclude(ended, { status: "error", errorType: "Runtime.RestoreHookUserError" })
      assert.include(entries.find(Journal.is("ErrorReported"))?.body, "no database")
    })
  )

  it.live("a hook that fails before the snapshot fails init", () =>
    Effect.gen(function* () {
      const { journal } = yield* pythonFunction(`
from snapshot_restore_py import register_before_snapshot
register_before_snapshot(lambda: 1 / 0)`)
      const ended = yield* journal.waitFor(Journal.is("InitEnded"))
      assert.deepInclude(ended, { status: "error", errorType: "Runtime.BeforeSnapshotError" })
    })
  )
})
