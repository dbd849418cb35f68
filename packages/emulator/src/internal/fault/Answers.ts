/** The answers that faults make, and their changes to answers of the environment. Bodies are the emulator's templates. */
import type { ExtensionRequest } from "../wire/Requests.ts"
import type { Fault } from "../FaultKinds.ts"
import type { Profile } from "../../Profile.ts"
import type { WireResponse } from "../wire/Wire.ts"
import * as Wire from "../wire/Wire.ts"
import { transitionFailed } from "../environment/Delivery.ts"
import { apiNames } from "../environment/Subscriptions.ts"

type Status = Extract<Fault, { readonly _tag: "Status" }>

/** An unknown field for every type of JSON. */
export const unknownFields = {
  unknownText: "text",
  unknownNumber: 1.5,
  unknownFlag: true,
  unknownNothing: null,
  unknownList: [1, "two", { three: 3 }],
  unknownObject: { deep: { deeper: [] } }
} as const

/** `undefined` for a request of the runtime. */
const subjectOf = (request: ExtensionRequest): string =>
  `extension ${request.route === "register" ? request.name : request.identifier}`

/** The answer of AWS with the status (docs/protocol.md#next, docs/protocol.md#answers-to-a-subscription). */
export const refusal = (profile: Profile, { route, status }: Status, request: ExtensionRequest): WireResponse => {
  if (status === 500) return Wire.apiError(500, "InternalServerError", "Internal Server Error")
  const refuseState = (from: string, to: string): WireResponse =>
    Wire.apiError(403, "Extension.InvalidExtensionState", transitionFailed(profile, from, to, subjectOf(request)))
  switch (route) {
    case "register":
      return refuseState("Registered", "Registered")
    case "next":
      return refuseState("Exited", "Ready")
    case "init/error":
      return refuseState("Running", "InitError")
    case "exit/error":
      return refuseState("InitError", "Exited")
    case "telemetry":
    case "logs": {
      const api = apiNames[route]
      if (status === 202) return Wire.apiError(202, `${api}.NotSupported`, `${api} API is not supported`)
      const message = `${api} API subscription is ${profile.subscriptionClosed}`
      return Wire.apiError(403, `${api}.SubscriptionClosed`, message)
    }
  }
}

/** An event of another type, which looks like those of the platform. */
export const unknownEvent = (eventType: string, deadlineMs: number, identifier: string): WireResponse => ({
  status: 200,
  headers: { "Content-Type": "application/json", "Lambda-Extension-Event-Identifier": identifier },
  body: Wire.goJson({ eventType, deadlineMs, ...unknownFields })
})

/** `true` if the body is this event. */
export const isEvent = (body: string, event: "INVOKE" | "SHUTDOWN"): boolean =>
  body.startsWith(`{"eventType":"${event}"`)

/** The field is there, and comes before any text of a user. */
export const withDeadline = (body: string, deadlineMs: number): string =>
  body.replace(/"deadlineMs":\d+/, `"deadlineMs":${deadlineMs}`)

/** The same body if it has no `tracing`, which is the last field of INVOKE. */
export const withoutTracing = (body: string): string =>
  body.replace(/,"tracing":\{"type":"X-Amzn-Trace-Id","value":"(?:[^"\\]|\\.)*"\}\}$/, "}")

/** The fields come last, before a line feed. */
export const withFields = (body: string): string =>
  body.replace(/\}(\n?)$/, (_, end: string) => `,${JSON.stringify(unknownFields).slice(1)}${end}`)
