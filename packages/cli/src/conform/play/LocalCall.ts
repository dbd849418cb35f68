/** A call to a port of an extension, as the function makes it. */
import * as Effect from "effect/Effect"
import * as Http from "node:http"

/** Posts an empty object. Succeeds with the status, with the reason of a refusal, or with `no answer` after three seconds. */
export const post = (port: number): Effect.Effect<string> =>
  Effect.callback<string>((resume) => {
    const request = Http.request({ host: "127.0.0.1", port, method: "POST", agent: false }, (response) => {
      response.on("error", () => {}).resume()
      resume(Effect.succeed(String(response.statusCode)))
    })
    request.on("error", ({ message }) => resume(Effect.succeed(message)))
    request.setHeader("content-type", "application/json").end("{}")
    return Effect.sync(() => request.destroy())
  }).pipe(Effect.timeoutOrElse({ duration: "3 seconds", orElse: () => Effect.succeed("no answer") }))
