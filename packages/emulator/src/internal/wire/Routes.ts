/**
 * The one table of routes. A row has the API that a route belongs to, its method and path, the bytes of its body that
 * are kept, and the meaning of a request on it. The servers find a route by its path; refusals and faults find it by its name.
 */
import * as Records from "effect/Record"
import type { Profile } from "../../Profile.ts"
import type { ApiRequest, Exchange, RouteName } from "./Requests.ts"
import type { WireResponse } from "./Wire.ts"
import * as Wire from "./Wire.ts"

/** A request that has arrived. Values of headers and trailers are `""` when missing. */
export interface Received {
  readonly exchange: Exchange
  /** The id in the path of a response or an error; `""` elsewhere. */
  readonly requestId: string
  readonly header: (name: string) => string
  readonly trailer: (name: string) => string
  /** The kept part of the body, and the bytes of the whole body. */
  readonly text: string
  readonly bytes: number
}

export interface Route {
  readonly api: "extensions" | "telemetry" | "logs" | "runtime"
  readonly method: "GET" | "POST" | "PUT"
  /** `{requestId}` is any id. */
  readonly path: string
  /** The bytes of a body that are kept; what follows is counted. */
  readonly maxBytes: number
  /** `true` if only an environment with SnapStart has the route. */
  readonly isForSnapStart?: true
  /** A request for the machine, or the answer. */
  readonly handle: (received: Received) => ApiRequest | WireResponse
}

/** The parts that only SnapStart needs. */
export interface SnapStart {
  /** The header `Authorization` of a request for the credentials. */
  readonly credentialsToken: string
  /** Asked for at each request, since they expire. */
  readonly credentials: () => Parameters<typeof Wire.containerCredentials>[0]
}

/** The path at which an environment with SnapStart has its credentials. */
export const credentialsPath = "/2021-04-23/credentials"

const extensions = { api: "extensions", maxBytes: Wire.maxPayloadBytes } as const
const runtime = { api: "runtime", maxBytes: Wire.maxPayloadBytes } as const

const identifierOf = ({ header }: Received): string => header("lambda-extension-identifier")

const runtimeErrorType = ({ header }: Received): string => header("lambda-runtime-function-error-type")

const extensionReport =
  (route: "init/error" | "exit/error"): Route["handle"] =>
  (received) => ({
    _tag: "ExtensionRequest",
    request: {
      exchange: received.exchange,
      route,
      identifier: identifierOf(received),
      errorType: received.header("lambda-extension-function-error-type"),
      body: received.text
    }
  })

const subscribe =
  (route: "telemetry" | "logs"): Route["handle"] =>
  (received) => ({
    _tag: "ExtensionRequest",
    request: { exchange: received.exchange, route, identifier: identifierOf(received), body: received.text }
  })

const runtimePoll =
  (route: "runtime/next" | "runtime/restore/next"): Route["handle"] =>
  ({ exchange }) => ({ _tag: "RuntimeRequest", request: { exchange, route } })

const runtimeReport =
  (route: "runtime/init/error" | "runtime/restore/error"): Route["handle"] =>
  (received) => ({
    _tag: "RuntimeRequest",
    request: { exchange: received.exchange, route, errorType: runtimeErrorType(received), body: received.text }
  })

/** The routes that the machine answers, by their names. */
export const routes: Readonly<Record<RouteName, Route>> = {
  register: {
    ...extensions,
    method: "POST",
    path: "/2020-01-01/extension/register",
    handle: ({ exchange, header, text }) => ({
      _tag: "ExtensionRequest",
      request: {
        exchange,
        route: "register",
        name: header("lambda-extension-name"),
        acceptFeature: header("lambda-extension-accept-feature"),
        body: text
      }
    })
  },
  next: {
    ...extensions,
    method: "GET",
    path: "/2020-01-01/extension/event/next",
    maxBytes: 0,
    handle: (received) => ({
      _tag: "ExtensionRequest",
      request: { exchange: received.exchange, route: "next", identifier: identifierOf(received) }
    })
  },
  "init/error": {
    ...extensions,
    method: "POST",
    path: "/2020-01-01/extension/init/error",
    handle: extensionReport("init/error")
  },
  "exit/error": {
    ...extensions,
    method: "POST",
    path: "/2020-01-01/extension/exit/error",
    handle: extensionReport("exit/error")
  },
  telemetry: {
    ...extensions,
    api: "telemetry",
    method: "PUT",
    path: "/2022-07-01/telemetry",
    handle: subscribe("telemetry")
  },
  logs: { ...extensions, api: "logs", method: "PUT", path: "/2020-08-15/logs", handle: subscribe("logs") },
  "runtime/next": {
    ...runtime,
    method: "GET",
    path: "/2018-06-01/runtime/invocation/next",
    maxBytes: 0,
    handle: runtimePoll("runtime/next")
  },
  "runtime/response": {
    ...runtime,
    method: "POST",
    path: "/2018-06-01/runtime/invocation/{requestId}/response",
    handle: ({ bytes, exchange, header, requestId, text, trailer }) => ({
      _tag: "RuntimeRequest",
      request: {
        exchange,
        route: "runtime/response",
        requestId,
        responseMode: header("lambda-runtime-function-response-mode"),
        trailingErrorType: trailer("lambda-runtime-function-error-type"),
        trailingErrorBody: Buffer.from(trailer("lambda-runtime-function-error-body"), "base64").toString("utf8"),
        body: text,
        bodyBytes: bytes
      }
    })
  },
  "runtime/error": {
    ...runtime,
    method: "POST",
    path: "/2018-06-01/runtime/invocation/{requestId}/error",
    handle: (received) => ({
      _tag: "RuntimeRequest",
      request: {
        exchange: received.exchange,
        route: "runtime/error",
        requestId: received.requestId,
        errorType: runtimeErrorType(received),
        contentType: received.header("content-type"),
        body: received.text,
        bodyBytes: received.bytes
      }
    })
  },
  "runtime/init/error": {
    ...runtime,
    method: "POST",
    path: "/2018-06-01/runtime/init/error",
    handle: runtimeReport("runtime/init/error")
  },
  "runtime/restore/next": {
    ...runtime,
    method: "GET",
    path: "/2018-06-01/runtime/restore/next",
    maxBytes: 0,
    isForSnapStart: true,
    handle: runtimePoll("runtime/restore/next")
  },
  "runtime/restore/error": {
    ...runtime,
    method: "POST",
    path: "/2018-06-01/runtime/restore/error",
    isForSnapStart: true,
    handle: runtimeReport("runtime/restore/error")
  }
}

/** The names of the routes, in the order of the table. */
export const names: ReadonlyArray<RouteName> = Records.keys(routes)

const ping: Route = { ...runtime, method: "GET", path: "/2018-06-01/ping", maxBytes: 0, handle: () => Wire.pong }

const credentials = (snapStart: SnapStart | undefined): Route => ({
  ...runtime,
  method: "GET",
  path: credentialsPath,
  maxBytes: 0,
  isForSnapStart: true,
  handle: ({ header }) =>
    snapStart !== undefined && header("authorization") === snapStart.credentialsToken
      ? Wire.containerCredentials(snapStart.credentials())
      : Wire.credentialsNotFound
})

/** Answers 202, and no error status: the service is not there (docs/protocol.md#answers-to-a-subscription). */
const notSupported = (route: Route, name: "Telemetry" | "Logs"): Route => ({
  ...route,
  handle: () => Wire.apiError(202, `${name}.NotSupported`, `${name} API is not supported`)
})

/** A route that a path leads to. */
export interface Match {
  readonly route: Route
  readonly requestId: string
  /** `true` if the route is gone while extensions are switched off. */
  readonly isSwitchedOff: boolean
}

/**
 * The paths that an environment of this profile knows; managed instances have no Logs API (docs/protocol.md#logs-api).
 */
export const finder = (profile: Profile, snapStart?: SnapStart): ((path: string) => Match | undefined) => {
  const known = [...Object.values(routes), ping, credentials(snapStart)].flatMap((route) => {
    if (route.isForSnapStart === true && snapStart === undefined) return []
    const pattern = new RegExp(`^${route.path.replace("{requestId}", "(?<requestId>[^/]*)")}$`)
    if (route.api === "runtime") return [{ pattern, route, isSwitchedOff: false }]
    const service =
      route.api === "telemetry" ? profile.telemetryApi : route.api === "logs" ? profile.logsApi : "service"
    if (service === "absent") return []
    if (service === "service") return [{ pattern, route, isSwitchedOff: true }]
    // The switch does not reach the stubs of AWS's emulator (docs/protocol.md#the-switch-for-all-extensions).
    const stub = notSupported(route, route.api === "logs" ? "Logs" : "Telemetry")
    return [{ pattern, route: stub, isSwitchedOff: false }]
  })
  return (path) => {
    for (const { isSwitchedOff, pattern, route } of known) {
      const found = pattern.exec(path)
      if (found !== null) return { route, requestId: found.groups?.["requestId"] ?? "", isSwitchedOff }
    }
    return undefined
  }
}

/** The method and the path of a request, as the journal has them. */
export const lineOf = (request: {
  readonly route: RouteName
  readonly requestId?: string
}): { readonly method: string; readonly path: string } => {
  const { method, path } = routes[request.route]
  return { method, path: path.replace("{requestId}", () => request.requestId ?? "") }
}
