/** SnapStart: what an extension has connected to in init is dead after the restore. */
import { Emulator, Journal } from "@effect-lambda/emulator"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import { join } from "node:path"
import { bundled, compileCache } from "../../../tools/programs.ts"

const directory = import.meta.dirname
const program = await bundled(join(directory, "programs/snapshot.ts"))

/** The requests that came over one connection. */
interface Seen {
  readonly requests: Array<{ readonly method: string; readonly connection: string; readonly body: string }>
  isClosed: boolean
}

/** Answers everything with 200, and keeps connections for as long as its clients do. */
const makeBackend = Effect.gen(function* () {
  const connections: Array<Seen> = []
  const bySocket = new WeakMap<object, Seen>()
  const server = Http.createServer({ keepAliveTimeout: 0 }, (request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const { headers, method = "", socket } = request
      const body = Buffer.concat(chunks).toString()
      bySocket.get(socket)?.requests.push({ method, connection: headers.connection ?? "", body })
      response.end("{}")
    })
  })
  server.on("connection", (socket) => {
    const seen: Seen = { requests: [], isClosed: false }
    connections.push(seen)
    bySocket.set(socket, seen)
    socket.on("error", () => {})
    socket.on("close", () => {
      seen.isClosed = true
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )
  const address = server.address()
  const port = address !== null && typeof address === "object" ? address.port : 0
  return { connections, url: `http://127.0.0.1:${port}/` }
})

it.live("keeps no connection into the snapshot, and the first flush opens a new one", () =>
  Effect.gen(function* () {
    const backend = yield* makeBackend
    const { invoke, journal, shutdown } = yield* Emulator.make({
      extensions: [program],
      function: { command: [join(directory, "../function/function.mjs")] },
      environment: { NODE_COMPILE_CACHE: compileCache, TELEMETRY_URL: backend.url },
      initType: "snap-start"
    })
    yield* journal.waitFor(Journal.is("SnapshotTaken"), "30 seconds")
    assert.lengthOf(backend.connections, 1)
    const [before] = backend.connections
    assert.deepInclude(before, { requests: [{ method: "GET", connection: "close", body: "" }], isClosed: true })
    for (const invocation of [1, 2]) {
      const { requestId } = yield* invoke(JSON.stringify({ invocation, lines: 1 }))
      yield* journal.waitFor(
        Journal.is("InvocationDone", (done) => done.requestId === requestId),
        "1 minute"
      )
    }
    yield* shutdown()

    // After the restore connections are kept as ever.
    assert.lengthOf(backend.connections, 2)
    const shipped = backend.connections[1]?.requests ?? []
    assert.isAbove(shipped.length, 1)
    assert.deepStrictEqual(new Set(shipped.map(({ connection }) => connection)), new Set(["keep-alive"]))
    assert.include(shipped[0]?.body, "platform.restoreReport")
    const lines = (yield* journal.entries).filter(Journal.is("Output")).map(({ line }) => line)
    assert.notInclude(lines.join("\n"), "did not take a batch")
  })
)
