/** Refuses a request of the Extensions, Telemetry or Logs API: the journal has what was refused, and why. */
import * as Routes from "../wire/Routes.ts"
import * as Wire from "../wire/Wire.ts"
import type { ExtensionRequest } from "../wire/Requests.ts"
import type { Environment } from "./State.ts"
import { record, reply } from "./State.ts"

/** The Extensions API refuses everything with 403; the telemetry service has other statuses and words. */
export const refuse = (
  env: Environment,
  { exchange, route }: Pick<ExtensionRequest, "exchange" | "route">,
  errorType: string,
  message: string,
  response = Wire.apiError(403, errorType, message)
): void => {
  record(env, { _tag: "ApiRefused", ...Routes.lineOf({ route }), status: response.status, errorType, message })
  reply(env, exchange, response)
}
