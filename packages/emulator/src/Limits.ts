/**
 * Limits that the processes of an environment share, as those of Lambda's sandbox do: memory, descriptors, the size of
 * `/tmp`, and a DNS that fails. They are the option `limits` of an environment.
 *
 * **Example** (Only if this machine permits it)
 *
 * ```ts
 * import { Emulator, Limits } from "@effect-lambda/emulator"
 * import * as Effect from "effect/Effect"
 *
 * const limits: Limits.Limits = { memory: 128, tmp: 4 }
 *
 * export const program = Effect.gen(function* () {
 *   const { refusals } = yield* Limits.permitted(limits)
 *   if (refusals.length > 0) return refusals.map(({ limit, said }) => `${limit}: ${said}`)
 *   const emulator = yield* Emulator.make({ extensions: ["dist/my-extension"], limits })
 *   return emulator.notes
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Limits, Refusal } from "./internal/sandbox/Limits.ts"
import { refusalsOf } from "./internal/sandbox/Limits.ts"

export type { Limits, Refusal } from "./internal/sandbox/Limits.ts"

/**
 * Tells which of these limits this machine permits, and why it does not permit the others. Each limit is tried and taken
 * back, which takes some milliseconds.
 *
 * @category checks
 * @since 0.1.0
 */
export const permitted = Effect.fnUntraced(function* (
  limits: Limits
): Effect.fn.Return<{ readonly limits: Limits; readonly refusals: ReadonlyArray<Refusal> }> {
  const refusals = yield* refusalsOf(limits)
  const refused = new Set<string>(refusals.map(({ limit }) => limit))
  return { limits: Object.fromEntries(Object.entries(limits).filter(([name]) => !refused.has(name))), refusals }
})
