/** The lines of JSON between the tests of the wire and test/programs/wire.ts. */
import type * as TelemetryListener from "@effect-lambda/extension/telemetry/TelemetryListener"
import type { Limits } from "../../src/NodeTelemetryListener.ts"

export type ClientName = "LambdaHttpClient" | "SinkHttpClient" | "SinkHttpClient with answers of 1 MiB"

/** `of` is the id of the task that opened the client or the listener. */
export type Task = { readonly id: number } & (
  | { readonly does: "case"; readonly client: ClientName; readonly name: string; readonly host: string }
  | { readonly does: "open"; readonly client: ClientName }
  | { readonly does: "get"; readonly of: number; readonly url: string }
  | {
      readonly does: "listen"
      readonly limits: Partial<Limits>
      readonly options: Parameters<TelemetryListener.TelemetryListener["Service"]["listen"]>[0]
      /** The receiver throws at everything. */
      readonly throws: boolean
    }
  | { readonly does: "close"; readonly of: number }
  /** Everything that happened before is told when this is done. */
  | { readonly does: "nothing" }
)

/** The result of the task with this id, or what its listener hands over. Bytes are in base64. */
export type Event = { readonly id: number } & (
  | { readonly is: "done"; readonly result: unknown }
  | { readonly is: "died"; readonly cause: string }
  | { readonly is: "body"; readonly bytes: string }
  | { readonly is: "too large"; readonly bytes: number }
  | { readonly is: "connection" }
  | { readonly is: "chunk"; readonly connection: number; readonly bytes: string }
  | { readonly is: "end"; readonly connection: number }
  | { readonly is: "log"; readonly line: string }
)
