/** The tables of docs/extensions-api.md: operations, events and errors. The compiler knows which rows there must be. */
import type { ExtensionsApi } from "@effect-lambda/extension/ExtensionsApi"
import * as ExtensionError from "@effect-lambda/extension/ExtensionError"
import * as ExtensionEvent from "@effect-lambda/extension/ExtensionEvent"
import * as ExtensionsProtocol from "@effect-lambda/extension/ExtensionsProtocol"
import { assert, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"

const document = readFileSync(join(import.meta.dirname, "../../../docs/extensions-api.md"), "utf8")

/** The cells of the table under a heading, without its head. */
const rowsOf = (heading: string): ReadonlyArray<ReadonlyArray<string>> => {
  const [, section = ""] = document.split(`\n## ${heading}\n`)
  const [table = ""] = /(?:^\|.*\n)+/m.exec(section.split("\n## ")[0] ?? "") ?? []
  return table
    .trim()
    .split("\n")
    .slice(2)
    .map((row) => row.split("|").map((cell) => cell.trim()))
}

const names = (text: string | undefined) => Array.from((text ?? "").matchAll(/`([^`]+)`/g), ([, name]) => name)

it("operations: every method of the service, with its request", () => {
  const requests: Record<keyof ExtensionsApi["Service"], string> = {
    register: `POST ${ExtensionsProtocol.registerEndpoint}`,
    nextEvent: `GET ${ExtensionsProtocol.eventEndpoint}`,
    initError: `POST ${ExtensionsProtocol.initErrorEndpoint}`,
    exitError: `POST ${ExtensionsProtocol.exitErrorEndpoint}`
  }
  assert.deepStrictEqual(
    rowsOf("Operations").map(([, method = "", request = ""]) => [/^`(\w+)\(/.exec(method)?.[1], names(request)[0]]),
    Object.entries(requests)
  )
})

it("events: every kind with its fields, a question mark behind those that may be missing", () => {
  const fields: Record<ExtensionEvent.ExtensionEvent["eventType"], readonly [name: string, fields: object]> = {
    INVOKE: ["InvokeEvent", ExtensionEvent.InvokeEvent.fields],
    SHUTDOWN: ["ShutdownEvent", ExtensionEvent.ShutdownEvent.fields],
    UNKNOWN: ["UnknownEvent", ExtensionEvent.UnknownEvent.to.fields]
  }
  const decoded: ExtensionEvent.InvokeEvent = {
    eventType: "INVOKE",
    deadlineMs: 0,
    requestId: "",
    invokedFunctionArn: ""
  }
  assert.deepStrictEqual(
    rowsOf("Events").map(([, event, list]) => [names(event)[0], names(list)]),
    Object.entries(fields).map(([eventType, [name, fields]]) => [
      name,
      Object.keys(fields)
        .filter((field) => field !== "eventType")
        .map((field) => (eventType === "INVOKE" && !Object.hasOwn(decoded, field) ? `${field}?` : field))
    ])
  )
})

it("errors: every reason, and which of them may pass", () => {
  const at = (status: number): ReadonlyArray<ExtensionError.ExtensionsApiErrorReason> => [
    new ExtensionError.Unreachable({ url: "", cause: undefined }),
    new ExtensionError.Rejected({ status, errorType: "InternalServerError", errorMessage: "" }),
    new ExtensionError.UnexpectedStatus({ status, body: "" }),
    new ExtensionError.InvalidResponse({ description: "", body: "" }),
    new ExtensionError.InvalidRequest({ description: "", cause: undefined })
  ]
  const rows: Record<ExtensionError.ExtensionsApiErrorReason["_tag"], string | undefined> = {
    Unreachable: undefined,
    Rejected: undefined,
    UnexpectedStatus: undefined,
    InvalidResponse: undefined,
    InvalidRequest: undefined
  }
  for (const [index, reason] of at(403).entries()) {
    const after500 = at(500)[index]?.isRetryable
    rows[reason._tag] = reason.isRetryable ? "yes" : after500 === true ? "only a 5xx" : "no"
  }
  assert.deepStrictEqual(
    rowsOf("Errors").map(([, reason, , retryable]) => [names(reason)[0], retryable]),
    Object.entries(rows)
  )
})
