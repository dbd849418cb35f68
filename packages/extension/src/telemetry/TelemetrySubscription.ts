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
 * The port that the body of a subscription names, as `Registration.subscription` has it; `undefined`: the body cannot be
 * read.
 *
 * @category accessors
 * @since 0.1.0
 */
export const portOf = (body: string): number | undefined => {
  const port = /"port": *(\d{1,5})\D|"URI": *"[^"/]*\/\/[^"/]*:(\d{1,5})["/]/.exec(body)
  return port === null ? undefined : Number(port[1] ?? port[2])
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

/**
 * The telemetry that a receiver asks Lambda for, the address it listens on, and
 * the bounds of what it keeps.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReceiverOptions {
  /** The types of records to receive: `platform`, `function`, `extension`. */
  readonly types: Subscription["types"]
  /** When Lambda sends a batch. Default: the values of `TelemetrySubscription`. */
  readonly buffering?: Subscription["buffering"]
  /** Default: the newest that Lambda accepts. */
  readonly schemaVersion?: Subscription["schemaVersion"]
  /** TCP has no acknowledgement: records that are lost on the way are not counted. Default: `HTTP`. */
  readonly protocol?: "HTTP" | "TCP" | undefined
  /** Default: `POST`. */
  readonly method?: "POST" | "PUT" | undefined
  /**
   * The address to bind. Lambda reaches the listener over the address of `sandbox.localdomain` and not over 127.0.0.1.
   * Default: that of `TelemetryTransport`; on Node `0.0.0.0`, which needs no name resolution, and an address of loopback in
   * an emulator.
   */
  readonly host?: string | undefined
  /**
   * Default: any free port, which cannot be taken by another extension. After a failed invocation Lambda starts the
   * extension again, but the subscription of the old process still exists. Its remaining records (the report of the failed
   * invocation) are delivered only to a listener on the same port. A fixed port gets them, and so does a layer built with
   * `--start eager`, whose port comes from its name.
   */
  readonly port?: number | undefined
  /** A longer HTTP body or TCP line is discarded and counted as one undecodable record. Default: 8 MiB. */
  readonly maxBodyBytes?: number | undefined
  /**
   * The bound of each consumer's queue. Default: 50,000 records, 32 MiB of memory, on Node a 16th of the function's memory if
   * that is less. A record takes more than twice its length
   * over the wire: its text is kept beside its values.
   */
  readonly queue?: { readonly maxRecords?: number | undefined; readonly maxBytes?: number | undefined } | undefined
}
