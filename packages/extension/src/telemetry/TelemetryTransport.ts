/**
 * The transport of telemetry from Lambda to this process: the sockets that Lambda delivers to, and the subscription. A
 * host provides it: `NodeTelemetry.layer` on Node, `ExtensionTest.layer` in tests.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TelemetryApi } from "./TelemetryApi.ts"
import { TelemetryListener } from "./TelemetryListener.ts"

/**
 * The transport of `Telemetry` and of `TelemetryReceiver`.
 *
 * @category services
 * @since 0.1.0
 */
export class TelemetryTransport extends Context.Service<
  TelemetryTransport,
  {
    /** Binds an address and hands over what arrives, until the scope is closed; as `listen` of `TelemetryListener`. */
    readonly listen: TelemetryListener["Service"]["listen"]
    /** Asks Lambda to deliver; as `subscribe` of `TelemetryApi`. */
    readonly subscribe: TelemetryApi["Service"]["subscribe"]
    /** The address to bind, unless the options name one. */
    readonly host: string
    /** The memory that the queue of a sink may take, in bytes, unless the options name a bound. */
    readonly queueBytes: number
    /** The port that a subscription made before this process delivers to, unless the options name one. */
    readonly port?: number | undefined
  }
>()("@effect-lambda/extension/telemetry/TelemetryTransport") {}

/**
 * The defaults of a transport.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Default: `0.0.0.0`. Lambda reaches the listener over the address of `sandbox.localdomain` and not over 127.0.0.1. */
  readonly host?: string | undefined
  /** Default: 32 MiB. */
  readonly queueBytes?: number | undefined
  /** The port that a subscription made before this process delivers to. Default: none, so any free port. */
  readonly port?: number | undefined
}

/**
 * A transport of a listener and a way to the Telemetry API.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options = {}
): Effect.Effect<TelemetryTransport["Service"], never, TelemetryListener | TelemetryApi> =>
  Effect.gen(function* () {
    const { host = "0.0.0.0", port, queueBytes = 32 * 1024 * 1024 } = options
    const { listen } = yield* TelemetryListener
    const { subscribe } = yield* TelemetryApi
    return TelemetryTransport.of({ listen, subscribe, host, queueBytes, port })
  })

/**
 * Layer of {@link make}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<TelemetryTransport, never, TelemetryListener | TelemetryApi> =>
  Layer.effect(TelemetryTransport, make(options))
