/**
 * The endpoint that Lambda delivers telemetry to: the socket side of
 * `TelemetryTransport`.
 *
 * `extension-node` has the real one. A listener moves bytes and nothing else; what
 * they mean is the receiver's business.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { causeText } from "../ExtensionError.ts"

/**
 * The address to listen on, and the largest body to take.
 *
 * @category models
 * @since 0.1.0
 */
export interface ListenOptions {
  /** `HTTP` hands over whole bodies, `TCP` the bytes of connections. */
  readonly protocol: "HTTP" | "TCP"
  /** The address to bind. */
  readonly host: string
  /** `0` for any free port. */
  readonly port: number
  /** A longer HTTP body is discarded as it comes, and answered like any other. */
  readonly maxBodyBytes: number
}

/**
 * The calls by which a listener hands over what arrives. Every call returns at once and never throws, so a
 * listener calls it from the callback of its socket.
 *
 * @category models
 * @since 0.1.0
 */
export interface Deliveries {
  /** A whole HTTP body. The receiver keeps the bytes, so they must not change afterwards. */
  readonly body: (bytes: Uint8Array) => void
  /** A body of more than `maxBodyBytes`, which was discarded; its length. */
  readonly tooLarge: (bytes: number) => void
  /** A TCP connection was opened. */
  readonly connection: () => Connection
}

/**
 * A TCP connection: its bytes, in pieces of any size, then its end.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connection {
  /** Takes the next bytes. They are read before the call returns, so the listener can use the buffer again. */
  readonly chunk: (bytes: Uint8Array) => void
  /** How many bytes of an unfinished line are kept, so that a listener can bound those of all connections together. */
  readonly held?: () => number
  /** The connection has ended, in whatever way; called once. */
  readonly end: () => void
}

/**
 * The address could not be bound.
 *
 * @category errors
 * @since 0.1.0
 */
export class TelemetryListenerError extends Schema.TaggedError<TelemetryListenerError>(
  "@effect-lambda/extension/telemetry/TelemetryListenerError"
)("TelemetryListenerError", {
  host: Schema.String,
  port: Schema.Int,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return (
      `cannot listen for telemetry on ${this.host}:${this.port}: ${causeText(this.cause)}. ` +
      "Lambda keeps port 9001 for itself; with port 0 any free one is taken."
    )
  }
}

/**
 * A way to listen for telemetry.
 *
 * @category services
 * @since 0.1.0
 */
export class TelemetryListener extends Context.Service<
  TelemetryListener,
  {
    /**
     * Binds an address and hands over what arrives, until the scope is closed: then nothing is accepted any more, and
     * every connection is closed.
     *
     * An HTTP listener takes POST and PUT on any path and answers 200 as soon as it has the whole body, whatever the body
     * is: Lambda sends a refused batch again and again (docs/protocol.md#delivery).
     */
    readonly listen: (
      options: ListenOptions,
      deliveries: Deliveries
    ) => Effect.Effect<{ readonly port: number }, TelemetryListenerError, Scope.Scope>
  }
>()("@effect-lambda/extension/telemetry/TelemetryListener") {}
