/** How a sink says, while it is at work, that the backend dropped a part of what it took. */
import * as Context from "effect/Context"

/** Notes items that the backend dropped, if somebody counts them. */
export const CurrentRejected = /*#__PURE__*/ Context.Reference<((items: number) => void) | undefined>(
  "@effect-lambda/extension/telemetry/internal/delivery/CurrentRejected",
  { defaultValue: () => undefined }
)
