/** Built layers of `packages/otel` beside a function that the wrapper of the layer starts, with a backend. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync, statSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import * as Backend from "../../../examples/otel/src/Backend.ts"
import * as Build from "../../src/build/Build.ts"
import * as LayerConfig from "../../src/project/LayerConfig.ts"
import { assertWell, live, outputOf } from "./life.ts"
import { withBundle } from "./trial.ts"

const project = join(import.meta.dirname, "../../../otel")
const handler = join(import.meta.dirname, "../fixtures/otlp-endpoint.mjs")

export const build = Effect.fnUntraced(function* (flags: LayerConfig.Settings, zip: boolean) {
  const config = yield* LayerConfig.resolve(project, flags)
  return yield* withBundle(Build.run(config, { check: false, zip }))
})

/** A port that is free now, since other tests have the port of OTLP. */
const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" ? (address?.port ?? 0) : 0)))
  })
})

/** The layer has the wrapper of the package, which can be started, beside the program. */
export const assertWrapper = (opt: string) => {
  const wrapper = join(opt, "otel-wrapper")
  assert.strictEqual(readFileSync(wrapper, "utf8"), readFileSync(join(project, "layer/otel-wrapper"), "utf8"))
  assert.strictEqual(statSync(wrapper).mode & 0o777, 0o755)
}

/** Two invocations: the wrapper points the SDK to the layer, and the backend has a span and a joined log for each. */
export const assertTraced = Effect.fnUntraced(function* (
  opt: string,
  name: string,
  environment: Readonly<Record<string, string>>
) {
  const backend = yield* Backend.make(() => 200)
  const port = yield* freePort
  const life = yield* live(opt, handler, {
    ...environment,
    AWS_LAMBDA_EXEC_WRAPPER: join(opt, "otel-wrapper"),
    EFFECT_LAMBDA_OTLP_ENDPOINT: backend.url,
    EFFECT_LAMBDA_OTLP_RECEIVER_PORT: String(port)
  })
  assertWell(life, name)
  const output = outputOf(life, `extension:${name}`)
  const spans = backend.spans.filter(({ kind }) => kind === "SERVER")
  assert.lengthOf(spans, 2, output)
  for (const [index, person] of ["Ada", "Grace"].entries()) {
    const log = backend.logs.find(({ body }) => String(body).includes(`the SDK of ${person} sends`))
    assert.match(String(log?.body).trimEnd(), new RegExp(`sends to http://127\\.0\\.0\\.1:${port}$`), output)
    assert.strictEqual(log?.spanId, spans[index]?.spanId, output)
  }
})
