/** Whether clients keep their connections for the next call. */
import * as Context from "effect/Context"

/** SnapStart says no until the first event: no connection may be part of the snapshot. */
export const KeepsConnections: Context.Reference<() => boolean> = /*#__PURE__*/ Context.Reference(
  "@effect-lambda/extension-node/KeepsConnections",
  { defaultValue: (): (() => boolean) => () => true }
)
