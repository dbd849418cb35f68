/**
 * The lines of the log that programs read too. Such a line has an annotation with the name of its event, as OpenTelemetry
 * names events, so that no program depends on the words. docs/operations.md lists the names.
 */
import * as Effect from "effect/Effect"

/** The extension idles from this line on. */
export const idle = (phase: "init" | "invoke" | "background") =>
  Effect.annotateLogs({ "event.name": "lambda_extension.idle", phase })

/** In the trial run of a build: what the program is. */
export const described = (facts: { readonly onInitFailure: "idle" | "exit" }) =>
  Effect.annotateLogs({ "event.name": "lambda_extension.described", ...facts })

/** A handler, background work or a finalizer was not done in time and is left behind. */
export const abandoned = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.annotateLogs(effect, "event.name", "lambda_extension.abandoned")
