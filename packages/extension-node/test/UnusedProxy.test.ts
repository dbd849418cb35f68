/** Which proxy variables a sink goes past, with Node and bun, and what to do about it. */
import { TelemetrySink } from "@effect-lambda/extension"
import { NodeTelemetry } from "@effect-lambda/extension-node"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { LambdaEnvironment } from "@effect-lambda/extension"
import { ofThisProcess, type Runtime, unusedProxy } from "../src/internal/telemetry/unusedProxy.ts"

const node: Runtime = { knowsSwitch: true, execArgv: [] }
const proxy = "http://proxy.internal:3128"
const http = "http://logs.example.com/v1"
const https = "https://logs.example.com/v1"
const on = { NODE_USE_ENV_PROXY: "1" }

describe("the variable that is not used", () => {
  it.each<readonly [string, string, Record<string, string>, Partial<Runtime>, string | undefined]>([
    ["none is set", https, {}, {}, undefined],
    ["HTTPS_PROXY", https, { HTTPS_PROXY: proxy }, {}, "HTTPS_PROXY"],
    ["https_proxy", https, { https_proxy: proxy }, {}, "https_proxy"],
    ["HTTP_PROXY", http, { HTTP_PROXY: proxy }, {}, "HTTP_PROXY"],
    ["of the other scheme", https, { HTTP_PROXY: proxy }, {}, undefined],
    ["an empty one", https, { HTTPS_PROXY: "" }, {}, undefined],
    ["ALL_PROXY", https, { ALL_PROXY: proxy }, {}, "ALL_PROXY"],
    ["ALL_PROXY, which Node never reads", https, { ALL_PROXY: proxy, ...on }, {}, "ALL_PROXY"],
    ["switched on", https, { HTTPS_PROXY: proxy, ...on }, {}, undefined],
    ["switched on with another word", https, { HTTPS_PROXY: proxy, NODE_USE_ENV_PROXY: "true" }, {}, "HTTPS_PROXY"],
    ["switched on by a flag", https, { HTTPS_PROXY: proxy }, { execArgv: ["--use-env-proxy"] }, undefined],
    ["switched on by options", https, { HTTPS_PROXY: proxy, NODE_OPTIONS: "--use-env-proxy" }, {}, undefined],
    ["switched on in an old Node", https, { HTTPS_PROXY: proxy, ...on }, { knowsSwitch: false }, "HTTPS_PROXY"],
    ["NO_PROXY with the host", https, { HTTPS_PROXY: proxy, NO_PROXY: "a.com, logs.example.com" }, {}, undefined],
    ["NO_PROXY with the domain", https, { HTTPS_PROXY: proxy, NO_PROXY: "example.com" }, {}, undefined],
    ["NO_PROXY with a dot", https, { HTTPS_PROXY: proxy, NO_PROXY: ".example.com" }, {}, undefined],
    ["NO_PROXY with a star", https, { HTTPS_PROXY: proxy, no_proxy: "*.EXAMPLE.com" }, {}, undefined],
    ["NO_PROXY for all", https, { HTTPS_PROXY: proxy, NO_PROXY: "*" }, {}, undefined],
    ["NO_PROXY with the port", "https://a.com:8443", { HTTPS_PROXY: proxy, NO_PROXY: "a.com:8443" }, {}, undefined],
    ["NO_PROXY with another host", https, { HTTPS_PROXY: proxy, NO_PROXY: "ample.com,a.com,," }, {}, "HTTPS_PROXY"],
    ["a collector on this machine", "http://127.0.0.1:4318", { HTTP_PROXY: proxy }, {}, undefined],
    ["a collector on this machine by name", "http://localhost:4318", { HTTP_PROXY: proxy }, {}, undefined],
    ["a collector on this machine by IPv6", "http://[::1]:4318", { HTTP_PROXY: proxy }, {}, undefined]
  ])("%s", (_, url, variables, runtime, expected) => {
    assert.strictEqual(unusedProxy(variables, { ...node, ...runtime })(url)?.variable, expected)
  })
})

it.each<readonly [Record<string, string>, boolean, string]>([
  [{ HTTPS_PROXY: proxy }, true, "Set NODE_USE_ENV_PROXY=1 to go through it, or name the host in NO_PROXY"],
  [
    { ALL_PROXY: proxy },
    true,
    "Set HTTPS_PROXY and NODE_USE_ENV_PROXY=1 to go through it, or name the host in NO_PROXY"
  ],
  [
    { HTTPS_PROXY: proxy },
    false,
    "Node 22.21 and newer go through it with NODE_USE_ENV_PROXY=1; or name the host in NO_PROXY"
  ]
])("%j: the remedy", (variables, knowsSwitch, remedy) => {
  assert.strictEqual(unusedProxy(variables, { ...node, knowsSwitch })(https)?.remedy, remedy)
})

it.live("the layer gives sinks the answer for this process", () =>
  Effect.gen(function* () {
    const context = yield* Layer.build(NodeTelemetry.layer).pipe(
      Effect.provide(
        LambdaEnvironment.layer({ variables: { AWS_LAMBDA_RUNTIME_API: "127.0.0.1:1" }, extensionName: "a" })
      )
    )
    assert.strictEqual(Context.get(context, TelemetrySink.CurrentUnusedProxy), ofThisProcess)
  })
)
