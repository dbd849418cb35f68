/** The trial run of a build: the network and the variables that a program has in it. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { createServer } from "node:http"
import * as TrialRun from "../src/build/trial/TrialRun.ts"

/** A backend on this machine, instead of one in production. */
const backend = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly asked: () => number; readonly close: () => void }>((resume) => {
    let requests = 0
    const server = createServer((_, response) => {
      requests++
      response.end("ok")
    }).listen(0, "localhost", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resume(Effect.succeed({ url: `http://localhost:${port}/`, asked: () => requests, close: () => server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

/** Asks the backend between register and next, and prints how that went. */
const bundle = `
  const api = "http://" + process.env.AWS_LAMBDA_RUNTIME_API + "/2020-01-01/extension/"
  const main = async () => {
    const registered = await fetch(api + "register", {
      method: "POST",
      headers: { "Lambda-Extension-Name": process.env.EFFECT_LAMBDA_EXTENSION_NAME },
      body: '{"events":["INVOKE","SHUTDOWN"]}'
    })
    const headers = { "Lambda-Extension-Identifier": registered.headers.get("lambda-extension-identifier") }
    const asked = await fetch(process.env.BACKEND_URL).then((answer) => answer.status, () => "unreachable")
    const message = "backend " + asked + ", trial " + process.env.EFFECT_LAMBDA_TRIAL
    console.log(JSON.stringify({ level: "ERROR", message }))
    while ((await (await fetch(api + "event/next", { headers })).json()).eventType !== "SHUTDOWN");
  }
  main()`

const reachesNothing = Effect.fnUntraced(function* (options: Pick<TrialRun.Options, "isolation">) {
  const { asked, url } = yield* backend
  const program = { bundle, node: TrialRun.ownNode }
  const { errors, events } = yield* TrialRun.run({ name: "a", program, env: { BACKEND_URL: url }, ...options })
  assert.deepStrictEqual(events, ["INVOKE", "SHUTDOWN"])
  assert.deepStrictEqual(errors, ["backend unreachable, trial 1"])
  assert.strictEqual(asked(), 0)
})

it.live("reaches no backend, by whatever this machine permits, and tells the program that it is a trial", () =>
  reachesNothing({})
)

it.live("reaches no backend by closed proxies if the network cannot be taken away", () =>
  reachesNothing({ isolation: [] })
)
