/** Protocol reference 9.7 and 9.9, as far as no telemetry flows: stubs, wrong methods, missing routes. */
import * as Effect from "effect/Effect"
import type { Scenario } from "./world.ts"
import { errorBody, expectAnswer, json, notFoundBody, notFoundHeaders } from "./world.ts"

const telemetryPath = "/2022-07-01/telemetry"
const logsPath = "/2020-08-15/logs"

export const telemetry: ReadonlyArray<Scenario> = [
  {
    case: 74,
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* world.call("PUT", telemetryPath, {}, "not json")
      expectAnswer(answer, 202, json, errorBody("Telemetry.NotSupported", "Telemetry API is not supported"))
    })
  },
  {
    case: 90,
    run: Effect.fnUntraced(function* (world) {
      expectAnswer(yield* world.call("GET", telemetryPath), 405, { Allow: "PUT", "Content-Length": "0" }, "")
      expectAnswer(yield* world.call("PUT", `${telemetryPath}/`), 404, notFoundHeaders, notFoundBody)
    })
  },
  {
    case: 111,
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* world.call("PUT", logsPath, {}, "{}")
      expectAnswer(answer, 202, json, errorBody("Logs.NotSupported", "Logs API is not supported"))
    })
  },
  {
    case: 114,
    run: Effect.fnUntraced(function* (world) {
      expectAnswer(yield* world.call("PUT", logsPath, {}, "{}"), 404, notFoundHeaders, notFoundBody)
    })
  }
]
