/**
 * The subscription to the Telemetry API or the Logs API, and its outcome. Both
 * APIs accept the same subscription and differ in the schema versions.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"

/**
 * The records to deliver: `platform` for Lambda's own events, `function` for
 * the output of the function, `extension` for the output of all extensions,
 * including this one. With `extension`, the code that receives records must not
 * print.
 *
 * @category models
 * @since 0.1.0
 */
export type TelemetryType = "platform" | "function" | "extension"

/**
 * The conditions for sending a batch: as soon as it has `maxItems` records or
 * `maxBytes` bytes, and at the latest `timeout` after its first record.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html
 * @category models
 * @since 0.1.0
 */
export interface Buffering {
  /** Records, 1000 to 10,000. Default: {@link defaultMaxItems}. */
  readonly maxItems?: number | undefined
  /** Bytes, 262,144 to 1,048,576. Default: {@link defaultMaxBytes}. */
  readonly maxBytes?: number | undefined
  /** 25 milliseconds to 30 seconds. Default: {@link defaultTimeout}. */
  readonly timeout?: Duration.Input | undefined
}

/**
 * Default of `Buffering.maxItems`: the least that Lambda accepts (its own
 * default is 10,000). Under load a batch then comes earlier, is decoded in a
 * few milliseconds and holds less memory, which the function shares.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultMaxItems = 1000

/**
 * Default of `Buffering.maxBytes`: the most that Lambda accepts (its own
 * default is 262,144). Lambda cuts a longer record in the middle.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultMaxBytes = 1_048_576

/**
 * Default of `Buffering.timeout`: the least that Lambda accepts. An extension
 * that waits for the last records of an invocation before next waits this long,
 * and the wait is billed. With Lambda's own default, one second, the wait would
 * be up to a second per invocation.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultTimeout: Duration.Input = "25 millis"

/**
 * The address to deliver to. The listener must be bound before subscribing: the
 * first batch can arrive before the subscription is answered.
 *
 * - HTTP with a port: one JSON array per request, to
 *   `http://sandbox.localdomain:<port>/<path>`
 * - HTTP with a `uri`: the same as a single text; Lambda accepts
 *   `http://sandbox.localdomain:<port>` only
 * - TCP: one JSON object per line, without acknowledgement, so records can be
 *   lost
 *
 * No listener can use port 9001. `method` is `POST` by default.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html
 * @category models
 * @since 0.1.0
 */
export type Destination =
  | {
      readonly protocol: "HTTP"
      readonly port: number
      readonly path?: string | undefined
      readonly method?: "POST" | "PUT" | undefined
    }
  | { readonly protocol: "HTTP"; readonly uri: string; readonly method?: "POST" | "PUT" | undefined }
  | { readonly protocol: "TCP"; readonly port: number }

/**
 * A subscription to telemetry or logs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subscription {
  /** At least one type, and none twice. */
  readonly types: ReadonlyArray<TelemetryType>
  readonly buffering?: Buffering | undefined
  readonly destination: Destination
  /** Asks for this version of the records and no other. Default: the newest version that Lambda accepts. */
  readonly schemaVersion?: string | undefined
}

/**
 * The outcome of a subscription that was not refused.
 *
 * - `Subscribed`: records will come. If the same extension subscribes again
 *   with other parameters, both subscriptions deliver
 * - `AlreadySubscribed`: the same subscription exists already, for example from
 *   before a reset of the environment; records keep coming
 * - `NotSupported`: there is no telemetry here (AWS's local emulator, SAM), and
 *   the extension should go on without it
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html
 * @category models
 * @since 0.1.0
 */
export type Outcome =
  | { readonly _tag: "Subscribed"; readonly schemaVersion: string }
  | { readonly _tag: "AlreadySubscribed"; readonly schemaVersion: string }
  | { readonly _tag: "NotSupported" }
