/** `--env KEY=VALUE`. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Command from "effect/cli/Command"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as EnvFlag from "../src/project/EnvFlag.ts"

const parse = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const parsed = yield* Deferred.make<unknown>()
  const command = Command.make("demo", { env: EnvFlag.make("A variable") }, ({ env }) => Deferred.succeed(parsed, env))
  yield* Command.runWith(command, { version: "0" })(args)
  return yield* Deferred.await(parsed)
}, Effect.provide(NodeServices.layer))

describe("--env", () => {
  it.effect("the last of several counts, a value may be empty or have a =", () =>
    Effect.gen(function* () {
      const args = ["--env", "A=1", "--env", "EMPTY=", "--env", "URL=http://a/?b=c", "--env", "A=2"]
      assert.deepStrictEqual(yield* parse(args), { A: "2", EMPTY: "", URL: "http://a/?b=c" })
    })
  )

  it.effect("a name that none can have is refused later, in a sentence without the value", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* parse(["--env", "=secret"]), { "": "secret" })
    })
  )

  it.effect("may be left out", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* parse([]), {})
    })
  )
})
