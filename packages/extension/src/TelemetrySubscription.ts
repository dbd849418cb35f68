/**
 * What an extension asks the Telemetry API or the Logs API for, and what it is
 * told: the two take the same subscription and differ in the schema versions.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"

/**
 * What to deliver: Lambda's own events, what the function prints, what
 * extensions print (this one included: whoever subscribes to `extension` must
 * not print from where records are received).
 *
 * @category models
 * @since 0.1.0
 */
export type TelemetryType = "platform" | "function" | "extension"

/**
 * When a batch is sent: as soon as it has `maxItems` records or `maxBytes`
 * bytes, and at the latest `timeout` after its first record.
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
 * Default of `Buffering.maxItems`: the least Lambda takes (its own default is
 * 10,000). Under load a batch then comes earlier, is decoded in a few
 * milliseconds and holds less memory, which the function shares.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultMaxItems = 1000

/**
 * Default of `Buffering.maxBytes`: the most Lambda takes (its own default is
 * 262,144). Lambda cuts a record that is longer than this in the middle.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultMaxBytes = 1_048_576

/**
 * Default of `Buffering.timeout`: the least Lambda takes. Whoever waits for the
 * last records of an invocation before calling next waits this long, and the
 * wait is billed; with Lambda's own default of a second that would be up to a
 * second per invocation.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultTimeout: Duration.Input = "25 millis"

/**
 * Where to deliver to. The listener must be bound before subscribing: the first
 * batch can arrive before the subscription is answered.
 *
 * - HTTP with a port: one JSON array per request, to
 *   `http://sandbox.localdomain:<port>/<path>`
 * - HTTP with a `uri`: the same in one text; Lambda takes
 *   `http://sandbox.localdomain:<port>` only
 * - TCP: one JSON object per line, without acknowledgement, so records can be
 *   lost
 *
 * No listener can have port 9001. `method` is `POST` by default.
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
 * What to subscribe to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subscription {
  /** At least one, none twice. */
  readonly types: ReadonlyArray<TelemetryType>
  readonly buffering?: Buffering | undefined
  readonly destination: Destination
  /** Asks for this version of the records and no other. Default: the newest one Lambda takes. */
  readonly schemaVersion?: string | undefined
}

/**
 * How a subscription ended, where it was not refused.
 *
 * - `Subscribed`: records will come. Another subscription of the same
 *   extension with other parameters is added to the first, both deliver
 * - `AlreadySubscribed`: the same subscription stands, for example since before
 *   the environment was reset; records go on coming
 * - `NotSupported`: there is no telemetry here (AWS's local emulator, SAM), and
 *   the extension should carry on without it
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html
 * @category models
 * @since 0.1.0
 */
export type Outcome =
  | { readonly _tag: "Subscribed"; readonly schemaVersion: string }
  | { readonly _tag: "AlreadySubscribed"; readonly schemaVersion: string }
  | { readonly _tag: "NotSupported" }
