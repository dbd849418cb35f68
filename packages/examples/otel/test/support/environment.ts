/** The program of the layer in an environment beside a function without an SDK, and a backend that decodes officially. */
import { Emulator, type EmulatorError, Journal } from "@effect-lambda/emulator"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { join } from "node:path"
import { freePort } from "../../../../otel/test/support/freePort.ts"
import { encodeOfficially, requestType } from "../../../../otel/test/support/official.ts"
import { bundled } from "../../../../tools/programs.ts"
import * as Backend from "../../src/Backend.ts"
import type { Log } from "../../src/Decode.ts"

const layer = join(import.meta.dirname, "../../../../otel")

/** The extension as one file, which starts in a quarter of the time. */
export const program = await bundled(join(layer, "src/main.ts"))

/** The name by which the extension registers. */
export const extension = "extension:main.ts"

/** A busy machine needs its time, so this is no measure of speed. */
export const patience = "60 seconds"

/**
 * The times of the layer on a busy machine. A request that its flush cuts off is sent again: the backend has it twice then, or
 * only after the next invocation.
 */
export const patientLayer = { EFFECT_LAMBDA_OTLP_FLUSH_TIMEOUT: "60000", EFFECT_LAMBDA_OTLP_TIMEOUT: "60000" }

export interface Options extends Pick<Emulator.Options, "profile" | "freeze" | "tracing" | "function" | "timeout"> {
  /** The program of the extension. Default: that of the layer. */
  readonly program?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly status?: () => Backend.Answer
}

/** Starts both. The function of the options is in place of the one that sends the requests of its event. */
export const make = Effect.fnUntraced(function* ({ environment, status = () => 200, ...others }: Options) {
  const { program: extension = program, ...options } = others
  const backend = yield* Backend.make(status)
  const port = yield* freePort
  const emulator = yield* Emulator.make({
    functionName: "shop",
    extensions: [extension],
    function: { handler: join(import.meta.dirname, "sender.cjs") },
    environment: {
      EFFECT_LAMBDA_OTLP_ENDPOINT: backend.url,
      EFFECT_LAMBDA_OTLP_RECEIVER_PORT: String(port),
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      ...patientLayer,
      ...environment
    },
    logFormat: "json",
    timeout: patience,
    initTimeout: patience,
    ...options
  })
  return { emulator, backend }
})

interface Sent {
  readonly name: string
  readonly base64: string
}

const sent = (name: string, body: Uint8Array): Sent => ({ name, base64: Buffer.from(body).toString("base64") })

/** A request with a span of this name, of 8 letters at most. */
export const requestOf = (name: string, { traceId = "5b8efff798038103d269b633813fc60c" } = {}): Sent => {
  const span = { traceId: Buffer.from(traceId, "hex"), spanId: Buffer.from(name.padEnd(8)), name }
  return sent(name, encodeOfficially(requestType("traces"), { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }))
}

/** A request that ends in the middle of a field of 80 bytes. */
export const halfRequest = (name: string): Sent => sent(name, new Uint8Array([0x0a, 80, 1]))

interface Payload {
  readonly lines?: ReadonlyArray<string>
  readonly requests?: ReadonlyArray<Sent>
  /** The function never responds. */
  readonly holds?: boolean
}

export const payloadOf = (payload: Payload): string => JSON.stringify(payload)

/** Invokes the function, and waits until the extension is done too. */
export const invoke = Effect.fnUntraced(function* (
  { invoke, journal }: Emulator.Emulator["Service"],
  payload: Payload
): Effect.fn.Return<string, EmulatorError.EmulatorError> {
  const { requestId } = yield* invoke(payloadOf(payload))
  yield* journal.waitFor(
    Journal.is("InvocationDone", (done) => done.requestId === requestId),
    patience
  )
  return requestId
})

/** A record of JSON. The message of a failed invocation is an object. */
const Message = Schema.fromJsonString(Schema.Struct({ message: Schema.Unknown }))

/** The lines of the function, or of the extension. */
export const messages = (entries: ReadonlyArray<Journal.JournalEntry>, source: Journal.Source): ReadonlyArray<string> =>
  entries
    .filter(Journal.is("Output", (output) => output.source === source))
    .map(({ line }) => Schema.decodeUnknownSync(Message)(line).message)
    .map((message) => (typeof message === "string" ? message : JSON.stringify(message)))

const Counts = Schema.Struct({
  name: Schema.String,
  offered: Schema.Finite,
  delivered: Schema.Finite,
  droppedByQueue: Schema.Finite,
  droppedBySink: Schema.Finite,
  unsent: Schema.Finite
})

const Accounting = Schema.fromJsonString(
  Schema.Struct({
    level: Schema.String,
    annotations: Schema.Struct({ accounting: Schema.Struct({ consumers: Schema.Array(Counts) }) })
  })
)

/** The accounting that each process of the extension logged at its end. */
export const accountings = (entries: ReadonlyArray<Journal.JournalEntry>) =>
  entries
    .filter(Journal.is("Output", ({ line, source }) => source !== "runtime" && line.includes('"accounting":')))
    .map(({ line }) => Schema.decodeUnknownSync(Accounting)(line))

export const textOf = ({ body }: Log): string => (typeof body === "string" ? body.trimEnd() : JSON.stringify(body))
