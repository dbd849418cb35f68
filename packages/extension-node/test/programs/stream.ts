/** A program over the bare stream whose consumer fails; `PROBE` says how the program reacts. */
import { Extension } from "@effect-lambda/extension"
import { NodeExtension } from "@effect-lambda/extension-node"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

class Boom extends Data.TaggedError("Boom") {}

const program = Stream.runForEach(Extension.events(), () => Effect.fail(new Boom()))

const programs: Record<string, Effect.Effect<void, Boom | Extension.RunFailure, NodeExtension.Services>> = {
  caught: Effect.catch(program, () => Effect.void),
  retried: Effect.retry(program, { times: 3 })
}

NodeExtension.runMain(programs[process.env.PROBE ?? ""] ?? program)
