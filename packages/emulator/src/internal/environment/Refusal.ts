/** Refuses a request of the Extensions, Telemetry or Logs API: the journal has what was refused, and why. */
import * as Wire from "../wire/Wire.ts"
import type { Environment, ExtensionRequest } from "./State.ts"
import { record, reply } from "./State.ts"

const routes = {
  register: ["POST", "/2020-01-01/extension/register"],
  next: ["GET", "/2020-01-01/extension/event/next"],
  "init/error": ["POST", "/2020-01-01/extension/init/error"],
  "exit/error": ["POST", "/2020-01-01/extension/exit/error"],
  telemetry: ["PUT", "/2022-07-01/telemetry"],
  logs: ["PUT", "/2020-08-15/logs"]
} as const

/** The Extensions API refuses everything with 403; the telemetry service has other statuses and words. */
export const refuse = (
  env: Environment,
  { exchange, route }: Pick<ExtensionRequest, "exchange" | "route">,
  errorType: string,
  message: string,
  response = Wire.apiError(403, errorType, message)
): void => {
  const [method, path] = routes[route]
  record(env, { _tag: "ApiRefused", method, path, status: response.status, errorType, message })
  reply(env, exchange, response)
}
