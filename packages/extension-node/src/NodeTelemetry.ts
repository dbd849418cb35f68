/**
 * Telemetry on Node: {@link layer}, the sockets of telemetry and the way to
 * Lambda, and {@link fileSink} for local work.
 *
 * @since 0.1.0
 */
import { functionMemorySize, LambdaEnvironment } from "@effect-lambda/extension/LambdaEnvironment"
import * as Telemetry from "@effect-lambda/extension/telemetry/Telemetry"
import * as TelemetryApi from "@effect-lambda/extension/telemetry/TelemetryApi"
import * as TelemetrySink from "@effect-lambda/extension/telemetry/TelemetrySink"
import { portOf } from "@effect-lambda/extension/telemetry/TelemetrySubscription"
import * as TelemetryTransport from "@effect-lambda/extension/telemetry/TelemetryTransport"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Runtime from "#runtime"
import * as lambdaClient from "./internal/lambda/lambdaClient.ts"
import * as NodeTelemetryListener from "./NodeTelemetryListener.ts"

const mebibyte = 1024 * 1024

/** The memory is the function's as well. */
const queueBytes = Effect.map(
  Effect.orElseSucceed(functionMemorySize, () => 512),
  (megabytes) => Math.min(32, megabytes / 16) * mebibyte
)

/** The address of loopback that the hosts file of an emulator gives the sandbox. A DNS is not asked: it may be slow. */
const sandboxAddress = (): string | undefined => {
  try {
    const hosts = process.getBuiltinModule("node:fs").readFileSync("/etc/hosts", "utf8")
    return /^(127\.[\d.]+)[ \t](?:[^#\n]*[ \t])?sandbox\.localdomain(?:\s|$)/m.exec(hosts)?.[1]
  } catch {
    return undefined
  }
}

/** On a developer's machine no other machine may send telemetry. Port 9001 of this machine might be Lambda itself. */
const localHost = (runtimeApi: string): string | undefined =>
  /^(127\.|localhost:)/.test(runtimeApi) && !runtimeApi.endsWith(":9001")
    ? (sandboxAddress() ?? "127.0.0.1")
    : undefined

/** In the trial run of a build: says whether any port will do. */
const telling = (transport: TelemetryTransport.TelemetryTransport["Service"]) => ({
  ...transport,
  listen: (...[options, deliveries]: Parameters<typeof transport.listen>) => {
    const telemetryPort = options.port === 0 ? "any" : "fixed"
    return Effect.logInfo(
      `trial run: telemetry is listened for on ${telemetryPort === "any" ? "any port" : options.port}`
    ).pipe(
      Effect.annotateLogs({ "event.name": "lambda_extension.described", telemetryPort }),
      Effect.andThen(transport.listen(options, deliveries))
    )
  }
})

/**
 * The transport of telemetry on Node, and the `HttpClient` of sinks: `SinkHttpClient`, or `fetch` on bun. Nothing is bound before `Telemetry` asks for it,
 * between register and the first next. Lambda is asked over our own transport, never over this client.
 *
 * Queues take 32 MiB of memory at most, and less if the function has less than 512 MB
 * (`AWS_LAMBDA_FUNCTION_MEMORY_SIZE`): 8 MiB of 128 MB.
 *
 * The listener binds a loopback address in an emulator, that is if the Runtime API is on the loopback address and its port is
 * not Lambda's 9001: the address of `sandbox.localdomain` in the hosts file, or `127.0.0.1`.
 *
 * To send with another client, provide it to the extension before this layer, or
 * in the option `layer` of `Extension.run`.
 *
 * **Example** (An extension that counts slow invocations)
 *
 * ```ts
 * import { Extension, Telemetry } from "@effect-lambda/extension"
 * import { NodeExtension, NodeTelemetry } from "@effect-lambda/extension-node"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * const extension = Extension.run({
 *   telemetry: Telemetry.stream(
 *     (events) =>
 *       events.pipe(
 *         Stream.filter((event) => event.type === "platform.report" && event.record.metrics.durationMs > 1000),
 *         Stream.runForEach(() => Effect.log("slow"))
 *       ),
 *     { types: ["platform"] }
 *   )
 * }).pipe(Effect.provide(NodeTelemetry.layer))
 *
 * export const main = () => NodeExtension.runMain(extension)
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<
  TelemetryTransport.TelemetryTransport | HttpClient.HttpClient,
  never,
  LambdaEnvironment
> = Layer.effect(
  TelemetryTransport.TelemetryTransport,
  Effect.gen(function* () {
    const { isTrial, registration, runtimeApi } = yield* LambdaEnvironment
    const subscription = Option.getOrUndefined(registration)?.subscription
    const transport = yield* TelemetryTransport.make({
      host: localHost(runtimeApi),
      queueBytes: yield* queueBytes,
      port: subscription === undefined ? undefined : portOf(subscription)
    })
    return isTrial === true ? telling(transport) : transport
  })
).pipe(
  Layer.provide([NodeTelemetryListener.layer, Layer.provide(TelemetryApi.layer, lambdaClient.shared)]),
  Layer.merge([
    Runtime.sinkClient,
    Layer.succeed(TelemetrySink.CurrentGzip, Runtime.gzip),
    Layer.succeed(Telemetry.CurrentLogSize, Effect.sync(Runtime.logSize))
  ])
)

/**
 * The file could not be written.
 *
 * @category errors
 * @since 0.1.0
 */
export class FileSinkError extends Schema.TaggedError<FileSinkError>("@effect-lambda/extension-node/FileSinkError")(
  "FileSinkError",
  { path: Schema.String, cause: Schema.Defect() }
) {
  override get message(): string {
    return `${this.path} cannot be written: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

/**
 * A sink that appends ndjson to a file: for local work. In Lambda only `/tmp` is
 * writable, and ends with the environment.
 *
 * A batch is in the file once, as whole lines: a write that takes longer than
 * `exportTimeout` goes on, and the next attempt waits for it.
 *
 * @category sinks
 * @since 0.1.0
 */
export const fileSink = (path: string): Effect.Effect<TelemetrySink.TelemetrySink> =>
  Effect.suspend(() => {
    let id: string | undefined
    // A write cannot be interrupted, so an attempt that ran out of time is still at work.
    let writing: Promise<void> = Promise.resolve()
    const write = (batch: TelemetrySink.TelemetryBatch): Promise<void> => {
      if (id === batch.id) return writing
      id = batch.id
      const next = () => Runtime.appendFile(path, TelemetrySink.toBody(batch, "ndjson"))
      writing = writing.then(next, next)
      const written = writing
      written.catch(() => {
        if (writing === written) id = undefined
      })
      return written
    }
    return TelemetrySink.make({
      name: `file ${path}`,
      export: (batch) =>
        Effect.tryPromise({ try: () => write(batch), catch: (cause) => new FileSinkError({ path, cause }) })
    })
  })
