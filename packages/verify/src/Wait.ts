/** Waits for things that AWS does in its time. Each wait has a limit. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { Settings } from "./Settings.ts"

/** Something did not come about: within its limit, or never. */
export class NotDone extends Schema.TaggedError<NotDone>()("NotDone", {
  message: Schema.String,
  /** Whether a later look may find it done. */
  mayCome: Schema.Boolean
}) {}

/** Looks again and again until there is a value. The message at the limit names `what`. */
export const waitFor = <A, E, R>(
  what: string,
  limit: Duration.Input,
  look: Effect.Effect<Option.Option<A>, E, R>
): Effect.Effect<A, E | NotDone, R | Settings> =>
  Effect.gen(function* () {
    const { pause } = yield* Settings
    const notYet = new NotDone({ message: `${what} did not happen in time`, mayCome: true })
    return yield* look.pipe(
      Effect.flatMap(Option.match({ onNone: () => Effect.fail(notYet), onSome: (value) => Effect.succeed(value) })),
      Effect.retry({
        while: (error) => error === notYet,
        schedule: Schedule.spaced(pause).pipe(Schedule.upTo({ duration: limit }))
      })
    )
  })

/** Tries again while the error passes, until the limit. */
export const persist = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  limit: Duration.Input,
  again: (error: E) => boolean
): Effect.Effect<A, E, R | Settings> =>
  Effect.gen(function* () {
    const { pause } = yield* Settings
    return yield* Effect.retry(effect, {
      while: again,
      schedule: Schedule.spaced(pause).pipe(Schedule.upTo({ duration: limit }))
    })
  })
