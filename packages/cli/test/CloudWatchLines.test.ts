/** The lines of the log view that tell of telemetry. */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import { assert, it } from "@effect/vitest"
import * as CloudWatchLines from "../src/CloudWatchLines.ts"

const subscription = (api: "telemetry" | "logs", state: "Subscribed" | "Forbidden"): JournalEntry => ({
  _tag: "TelemetrySubscription",
  index: 0,
  at: 0,
  source: "extension:a",
  api,
  state,
  types: ["platform", "function"],
  schemaVersion: undefined,
  destination: undefined
})

it("a subscription is a line, named after its API", () => {
  const lines = CloudWatchLines.make({ memorySize: 128, functionVersion: "$LATEST" })
  assert.deepStrictEqual(
    [subscription("telemetry", "Subscribed"), subscription("logs", "Forbidden")].flatMap((entry) => lines(entry)),
    [
      "TELEMETRY\tName: a\tState: Subscribed\tTypes: [Platform, Function]",
      "LOGS\tName: a\tState: Forbidden\tTypes: [Platform, Function]"
    ]
  )
})
