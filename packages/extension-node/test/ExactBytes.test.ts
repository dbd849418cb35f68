/** Records leave as they came: JSON texts at random through listener, receiver, queue and each sink, compared byte by byte. */
import { type TelemetryEvent, TelemetrySink } from "@effect-lambda/extension"
import * as TelemetryApi from "@effect-lambda/extension/telemetry/TelemetryApi"
import * as TelemetryListener from "@effect-lambda/extension/telemetry/TelemetryListener"
import * as TelemetryTransport from "@effect-lambda/extension/telemetry/TelemetryTransport"
import * as TelemetryReceiver from "@effect-lambda/extension/telemetry/TelemetryReceiver"
import { NodeTelemetry } from "@effect-lambda/extension-node"
import { assert, describe, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import { createConnection } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { cutAnywhere, cuttable, oneOf, type Random, randomFrom, upTo, value } from "./support/JsonTexts.ts"
import { until } from "./support/RawServer.ts"
import { listeners } from "./wire/implementations.ts"

/** An endpoint that takes everything, and what it has. */
const endpoint = Effect.gen(function* () {
  const bodies: Array<Buffer> = []
  const server = yield* Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer((request, response) => {
        const chunks: Array<Buffer> = []
        request.on("data", (chunk: Buffer) => chunks.push(chunk))
        request.on("end", () => {
          const body = Buffer.concat(chunks)
          bodies.push(request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body)
          response.end()
        })
      }).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )
  const address = server.address()
  return { bodies, url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/` }
})

/** A console, and the lines that are written to it. */
const capturedConsole = () => {
  const lines: Array<string> = []
  const captured: Console.Console = Object.assign(Object.create(globalThis.console), {
    log: (text: string) => lines.push(text)
  })
  return { lines, captured }
}

/** Each sink, with all that it wrote. */
const sinks = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "exact-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )
  const file = join(folder, "telemetry.ndjson")
  const ndjson = yield* endpoint
  const json = yield* endpoint
  const { captured, lines } = capturedConsole()
  return {
    all: [
      yield* TelemetrySink.http({ url: ndjson.url, gzip: true }),
      yield* TelemetrySink.http({ url: json.url, format: "json" }),
      yield* Effect.provideService(TelemetrySink.console, Console.Console, captured),
      yield* NodeTelemetry.fileSink(file)
    ],
    written: () => ({
      ndjson: Buffer.concat(ndjson.bodies),
      json: json.bodies,
      console: lines.map((line) => `${line}\n`).join(""),
      file: readFileSync(file)
    })
  }
}).pipe(Effect.provide(FetchHttpClient.layer))

const nothingSubscribed = TelemetryApi.TelemetryApi.of({ subscribe: () => Effect.die("not asked for") })

/** A receiver on real sockets, and one consumer that takes batches at random. */
const receiving = Effect.fnUntraced(function* (
  protocol: "HTTP" | "TCP",
  listener: TelemetryListener.TelemetryListener["Service"]
) {
  const receiver = yield* TelemetryReceiver.make({ protocol, host: "127.0.0.1", types: ["platform", "function"] }).pipe(
    Effect.provide(TelemetryTransport.layer()),
    Effect.provideService(TelemetryListener.TelemetryListener, listener),
    Effect.provideService(TelemetryApi.TelemetryApi, nothingSubscribed)
  )
  const came: Array<TelemetryEvent.TelemetryEvent> = []
  const collect = Stream.runForEach(receiver.events, (event) => Effect.sync(() => came.push(event)))
  yield* Effect.forkScoped(collect, { startImmediately: true })
  return { receiver, came }
})

const envelopes = ['"function"', '"extension"', '"platform.unheardOf"', '"platform.start"'] as const

const envelope = (random: Random, index: number) =>
  `{"time":"2026-01-01T00:00:00.${String(index).padStart(3, "0")}Z","type":${oneOf(random, envelopes)},"record":`

/** Records as they come: most of them events, the others any JSON. The last one is an event: the end of a cut body is `}]`. */
const recordsOf = (random: Random) => {
  const last = upTo(random, 12)
  return Array.from({ length: last + 1 }, (_, index) =>
    index < last && random() < 0.15
      ? { text: value(random) }
      : { text: undefined, start: envelope(random, index), record: cuttable(random) }
  )
}
type Records = ReturnType<typeof recordsOf>

const textOf = (record: Records[number]) => record.text ?? `${record.start}${record.record}}`

/** POSTs as Lambda makes them, some records cut inside, also inside a character. */
const posts = (random: Random, records: Records) => {
  const all: Array<Buffer> = []
  let post: Array<Buffer> = []
  const close = (end: string) => {
    all.push(Buffer.concat([Buffer.from("["), ...post, Buffer.from(end)]))
    post = []
  }
  for (const record of records) {
    if (post.length > 0) post.push(Buffer.from(","))
    if (record.text !== undefined) {
      post.push(Buffer.from(record.text))
      continue
    }
    const pieces = random() < 0.5 ? [Buffer.from(record.record)] : cutAnywhere(random, Buffer.from(record.record))
    pieces.forEach((piece, index) => {
      post.push(Buffer.from(record.start), piece)
      if (index < pieces.length - 1) close("}]")
    })
    post.push(Buffer.from("}"))
  }
  close("]")
  return all
}

const post = (port: number, body: Buffer) =>
  Effect.promise(() => fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: new Uint8Array(body) }))

const sendLines = (port: number, chunks: ReadonlyArray<Buffer>) =>
  Effect.promise(
    () =>
      new Promise<void>((resolve, reject) => {
        const socket = createConnection({ host: "127.0.0.1", port, noDelay: true })
        socket.on("error", reject)
        socket.on("close", () => resolve())
        socket.resume()
        const next = (index: number): void => {
          const chunk = chunks[index]
          if (chunk === undefined) socket.end()
          else socket.write(chunk, () => setImmediate(next, index + 1))
        }
        next(0)
      })
  )

/** A line break between the tokens of a record is a space in a format of lines. */
const oneLine = (text: string) => text.replaceAll(/[\r\n]/g, " ")

/** A sink must have written the text of a record; the line of an undecodable one holds the text. */
const isWritten = (written: string, text: string) =>
  written === text ||
  (written.startsWith('{"type":"undecodable","reason":"') && written.endsWith(`,"original":${text}}`))

/** The elements that the JSON sink wrote, found by the known texts: no parser would leave them as they are. */
const elementsOf = (bodies: ReadonlyArray<Buffer>, lines: ReadonlyArray<string>, records: Records) => {
  const all = bodies.map((body) => body.toString().slice(1, -1)).join(",")
  const elements: Array<string> = []
  let at = 0
  records.forEach((record, index) => {
    const isEvent = lines[index]?.startsWith('{"type":"undecodable"') !== true
    const end = isEvent ? at + textOf(record).length : at + (lines[index]?.length ?? 0)
    elements.push(all.slice(at, end))
    at = end + 1
  })
  assert.strictEqual(at, all.length + 1)
  return elements
}

describe.each(listeners)("$name", (listener) => {
  it.live.prop(
    "texts at random arrive at each sink as the same bytes, over HTTP and TCP",
    [Schema.Natural, Schema.Literals(["HTTP", "TCP"])],
    ([seed, protocol]) =>
      Effect.gen(function* () {
        const random = randomFrom(seed)
        const records = recordsOf(random)
        // Over TCP a line is an object; a line break in it would be two lines.
        const sent: Records =
          protocol === "HTTP"
            ? records
            : records.map((record) => ({
                text: oneLine(record.text === undefined ? textOf(record) : `{"a":${record.text}}`)
              }))
        const { came, receiver } = yield* receiving(protocol, listener.make())
        const { all, written } = yield* sinks
        if (protocol === "HTTP") for (const body of posts(random, sent)) yield* post(receiver.port, body)
        else {
          const bytes = Buffer.from(sent.map((record) => `${textOf(record)}\n`).join(""))
          yield* sendLines(receiver.port, cutAnywhere(random, bytes))
        }
        yield* until("all records", () => came.length === sent.length)
        for (let n = 0; came.length > 0; n++) {
          const events = came.splice(0, 1 + upTo(random, 5))
          for (const sink of all) yield* sink.export({ id: String(n), events })
        }
        const { console, file, json, ndjson } = written()
        assert.strictEqual(console, ndjson.toString())
        assert.isTrue(file.equals(ndjson))
        const lines = ndjson.toString().split("\n").slice(0, -1)
        assert.strictEqual(lines.length, sent.length)
        const elements = elementsOf(json, lines, sent)
        sent.forEach((record, index) => {
          const text = textOf(record)
          assert.isTrue(isWritten(lines[index] ?? "", oneLine(text)), `${text}\nbecame\n${lines[index]}`)
          assert.isTrue(isWritten(elements[index] ?? "", text), `${text}\nbecame\n${elements[index]}`)
        })
      }),
    { arbitrary: { runs: 150 } }
  )

  it.live("bytes that are not UTF-8 stay as they are in a request and in a file, and cost no neighbour", () =>
    Effect.gen(function* () {
      const { came, receiver } = yield* receiving("HTTP", listener.make())
      const { all, written } = yield* sinks
      const text = (content: Buffer) =>
        Buffer.concat([Buffer.from('{"time":"T","type":"function","record":"'), content, Buffer.from('"}')])
      const records = [text(Buffer.from("a")), text(Buffer.from([0xff, 0xc3, 0x28])), text(Buffer.from("é"))] as const
      const comma = Buffer.from(",")
      const body = Buffer.concat([Buffer.from("["), records[0], comma, records[1], comma, records[2], Buffer.from("]")])
      yield* post(receiver.port, body)
      yield* until("all records", () => came.length === 3)
      const events = came
      for (const sink of all) yield* sink.export({ id: "1", events })
      const { console, file, json, ndjson } = written()
      const lines = Buffer.concat(records.flatMap((record) => [record, Buffer.from("\n")]))
      assert.deepStrictEqual([ndjson, file, Buffer.concat(json)], [lines, lines, body])
      assert.strictEqual(console, lines.toString())
    })
  )
})
