/** The subscription that the stub of a layer made before this process, beside the one that the program wants. */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { Registration } from "../../../Registration.ts"
import type { Outcome, TelemetryType } from "../../TelemetrySubscription.ts"

/** The values of a subscription, as the request has them. */
interface Wanted {
  /** `undefined`: any that Lambda accepts. */
  readonly schemaVersion: string | undefined
  readonly types: ReadonlyArray<TelemetryType>
  readonly buffering: object
  readonly destination: object
}

interface Adopted {
  readonly outcome: Outcome
  /** The types that the program wants and the stub did not subscribe to. */
  readonly missing: ReadonlyArray<TelemetryType>
}

const read = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

/**
 * Adopts the subscription that the stub made. A second subscription is added to the first and both deliver, so records would
 * come twice: the program asks only for the types that are missing. If the stub's subscription delivers to another address,
 * nothing is adopted, and the program subscribes as if there were none.
 */
export const adopt = Effect.fnUntraced(function* (registration: Registration, wanted: Wanted) {
  const standing = registration.subscription === undefined ? undefined : read(registration.subscription)
  if (!Predicate.hasProperty(standing, "schemaVersion") || !Predicate.isString(standing.schemaVersion)) return undefined
  const { schemaVersion } = standing
  const outcome: Outcome = { _tag: "Subscribed", schemaVersion }
  const asked = { ...wanted, schemaVersion: wanted.schemaVersion ?? schemaVersion }
  if (isSame(standing, asked)) return { outcome, missing: [] } satisfies Adopted
  yield* Effect.logWarning(
    `the entry of the layer subscribed to telemetry with ${JSON.stringify(standing)}, and the program wants ` +
      `${JSON.stringify(asked)}: build the layer with the variables that the function has, or with --start ready`
  )
  if (!Predicate.hasProperty(standing, "destination") || !isSame(standing.destination, wanted.destination)) {
    return undefined
  }
  const had = Predicate.hasProperty(standing, "types") && Array.isArray(standing.types) ? standing.types : []
  return { outcome, missing: wanted.types.filter((type) => !had.includes(type)) } satisfies Adopted
})
