/**
 * The three things that the supervised stream needs from its process: whether
 * the stream may begin, whether the process has been told to end, and an exit
 * of last resort.
 *
 * `extension-node` provides this service. If it is missing (in tests), there is no
 * signal and no last resort.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * A `begin` for one process: true once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const once = (): Effect.Effect<boolean> => {
  let hasBegun = false
  return Effect.sync(() => {
    const isFirst = !hasBegun
    hasBegun = true
    return isFirst
  })
}

/**
 * The process that an extension runs in. Default: a process that an extension
 * may always begin in, and that no signal and no last resort ends.
 *
 * @category services
 * @since 0.1.0
 */
export const HostProcess = Context.Reference<{
  /**
   * Whether no extension has run in the process yet; asked when the extension is registered. Lambda registers one
   * extension per process, but a stub's registration could be adopted a second time.
   */
  readonly begin: Effect.Effect<boolean>
  /**
   * Completes with the signal's name when the process is told to end. Lambda never sends a signal to an extension, but
   * people at a terminal do.
   */
  readonly termination: Effect.Effect<string>
  /**
   * Makes the process end at this time (Unix epoch milliseconds) with this code, whatever still runs. Called when
   * SHUTDOWN has arrived (code 0), and when a failure has been reported (code 1).
   */
  readonly exitAt: (epochMillis: number, code: number) => Effect.Effect<void>
}>("@effect-lambda/extension/HostProcess", {
  defaultValue: () => ({ begin: Effect.succeed(true), termination: Effect.never, exitAt: () => Effect.void })
})
