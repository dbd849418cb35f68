/** Every name of the original Go `api` package has a home; docs/extensions-api.md has the same table, row by row. */
import * as ExtensionError from "@effect-lambda/extension/ExtensionError"
import * as ExtensionEvent from "@effect-lambda/extension/ExtensionEvent"
import * as ExtensionsProtocol from "@effect-lambda/extension/ExtensionsProtocol"
import * as Registration from "@effect-lambda/extension/Registration"
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import { join } from "node:path"

const host = "127.0.0.1:9001"

type Exports<Module extends string, Names> = `${Module}.${keyof Names & string}`

/** A value that one of these modules exports, or the one type of the table: the compiler refuses any other name. */
type Ours =
  | Exports<"ExtensionError", typeof ExtensionError>
  | Exports<"ExtensionEvent", typeof ExtensionEvent>
  | Exports<"ExtensionsProtocol", typeof ExtensionsProtocol>
  | Exports<"Registration", typeof Registration>
  | Exports<"ExtensionsProtocol", { readonly LambdaPath: ExtensionsProtocol.LambdaPath }>

/** Seed name, our name, what it is now, what it must be. */
const table: ReadonlyArray<readonly [seed: string, ours: Ours, actual: unknown, expected: unknown]> = [
  [
    "EnvLambdaAPIHostname",
    "ExtensionsProtocol.envLambdaApiHostname",
    ExtensionsProtocol.envLambdaApiHostname,
    "AWS_LAMBDA_RUNTIME_API"
  ],
  ["Version", "ExtensionsProtocol.version", ExtensionsProtocol.version, "2020-01-01"],
  [
    "RegisterEndpoint",
    "ExtensionsProtocol.registerEndpoint",
    ExtensionsProtocol.registerEndpoint,
    "/2020-01-01/extension/register"
  ],
  [
    "EventEndpoint",
    "ExtensionsProtocol.eventEndpoint",
    ExtensionsProtocol.eventEndpoint,
    "/2020-01-01/extension/event/next"
  ],
  [
    "InitErrorEndpoint",
    "ExtensionsProtocol.initErrorEndpoint",
    ExtensionsProtocol.initErrorEndpoint,
    "/2020-01-01/extension/init/error"
  ],
  [
    "ExitErrorEndpoint",
    "ExtensionsProtocol.exitErrorEndpoint",
    ExtensionsProtocol.exitErrorEndpoint,
    "/2020-01-01/extension/exit/error"
  ],
  ["Invoke", "ExtensionsProtocol.invoke", ExtensionsProtocol.invoke, "INVOKE"],
  ["Shutdown", "ExtensionsProtocol.shutdown", ExtensionsProtocol.shutdown, "SHUTDOWN"],
  [
    "LambdaExtensionNameHeaderKey",
    "ExtensionsProtocol.lambdaExtensionNameHeaderKey",
    ExtensionsProtocol.lambdaExtensionNameHeaderKey,
    "Lambda-Extension-Name"
  ],
  [
    "LambdaExtensionIdentifierHeaderKey",
    "ExtensionsProtocol.lambdaExtensionIdentifierHeaderKey",
    ExtensionsProtocol.lambdaExtensionIdentifierHeaderKey,
    "Lambda-Extension-Identifier"
  ],
  [
    "LambdaErrorHeaderKey",
    "ExtensionsProtocol.lambdaErrorHeaderKey",
    ExtensionsProtocol.lambdaErrorHeaderKey,
    "Lambda-Extension-Function-Error-Type"
  ],
  [
    "LambdaExtensionEventIdentifer",
    "ExtensionsProtocol.lambdaExtensionEventIdentifierHeaderKey",
    ExtensionsProtocol.lambdaExtensionEventIdentifierHeaderKey,
    "Lambda-Extension-Event-Identifier"
  ],
  [
    "LambdaPath.GetUrl",
    "ExtensionsProtocol.url",
    ExtensionsProtocol.url(ExtensionsProtocol.eventEndpoint, host),
    "http://127.0.0.1:9001/2020-01-01/extension/event/next"
  ],
  [
    "LambdaPath.String",
    "ExtensionsProtocol.LambdaPath",
    String(ExtensionsProtocol.registerEndpoint),
    "/2020-01-01/extension/register"
  ],
  ["Event", "ExtensionEvent.EventType", ExtensionEvent.EventType.literals, ["INVOKE", "SHUTDOWN"]],
  [
    "ErrorRequest",
    "ExtensionError.ErrorRequest",
    Object.keys(ExtensionError.ErrorRequest.fields),
    ["errorMessage", "errorType", "stackTrace"]
  ],
  [
    "ErrorResponse",
    "ExtensionError.ErrorResponse",
    Object.keys(ExtensionError.ErrorResponse.fields),
    ["errorMessage", "errorType"]
  ],
  [
    "EventNextPayload",
    "ExtensionEvent.ExtensionEvent",
    Object.keys({ ...ExtensionEvent.InvokeEvent.fields, ...ExtensionEvent.ShutdownEvent.fields }),
    ["eventType", "deadlineMs", "requestId", "invokedFunctionArn", "tracing", "shutdownReason"]
  ],
  [
    "RegisterRequestPayload",
    "Registration.RegisterRequest",
    Object.keys(Registration.RegisterRequest.fields),
    ["events"]
  ],
  [
    "RegisterResponsePayload",
    "Registration.RegisterResponse",
    Object.keys(Registration.RegisterResponse.fields),
    ["functionName", "functionVersion", "handler", "accountId"]
  ],
  [
    "StatusResponse",
    "ExtensionError.StatusResponse",
    Schema.decodeUnknownSync(ExtensionError.StatusResponse)({ status: "OK" }),
    { status: "OK" }
  ]
]

describe("seed vocabulary", () => {
  it.each(table)("%s is %s", (_seed, _ours, actual, expected) => {
    assert.deepStrictEqual(actual, expected)
  })

  it("docs/extensions-api.md has these rows, in this order, and no others", () => {
    const doc = readFileSync(join(import.meta.dirname, "../../../docs/extensions-api.md"), "utf8")
    const [, section = ""] = doc.split(/^## Coming from the Go package$/m)
    assert.deepStrictEqual(
      Array.from(section.matchAll(/^\| `(.*?)` \| `(.*?)` \|$/gm), ([, seed, ours]) => [seed, ours]),
      table.map(([seed, ours]) => [seed, ours])
    )
  })
})
