/** The paths of the environment, and what a request on each of them means to the state machine. */
import type { Exchange, Input } from "../environment/EnvironmentState.ts"
import type { Profile } from "../../Profile.ts"
import type { WireResponse } from "./Wire.ts"
import * as Wire from "./Wire.ts"

export interface Body {
  readonly text: string
  readonly bytes: number
  readonly trailer: (name: string) => string
}

export interface Route {
  readonly method: "GET" | "POST" | "PUT"
  /** Turns a complete request into an input, or into a `WireResponse`, which is sent at once. */
  readonly handle: (header: (name: string) => string, body: Body, exchange: Exchange) => Input | WireResponse
}

const invocationPath = /^\/2018-06-01\/runtime\/invocation\/([^/]*)\/(response|error)$/

/** The request id in the path of a response or an error. */
export const requestIdOf = (path: string): string | undefined => invocationPath.exec(path)?.[1]

const notSupported = (name: "Telemetry" | "Logs"): Route => ({
  method: "PUT",
  // 202, not an error status: the service is not there (spec: telemetry stub of RIE).
  handle: () => Wire.apiError(202, `${name}.NotSupported`, `${name} API is not supported`)
})

const reportRoute = (route: "init/error" | "exit/error"): Route => ({
  method: "POST",
  handle: (header, body, exchange) => ({
    _tag: "ExtensionRequest",
    request: {
      exchange,
      route,
      identifier: header("lambda-extension-identifier"),
      errorType: header("lambda-extension-function-error-type"),
      body: body.text
    }
  })
})

const subscribeRoute = (route: "telemetry" | "logs"): Route => ({
  method: "PUT",
  handle: (header, body, exchange) => ({
    _tag: "ExtensionRequest",
    request: { exchange, route, identifier: header("lambda-extension-identifier"), body: body.text }
  })
})

const telemetryPath = "/2022-07-01/telemetry"
const logsPath = "/2020-08-15/logs"

/** The path at which an environment with SnapStart has its credentials. */
export const credentialsPath = "/2021-04-23/credentials"

const stubs: Readonly<Record<string, Route>> = {
  [telemetryPath]: notSupported("Telemetry"),
  [logsPath]: notSupported("Logs")
}

const routes: Readonly<Record<string, Route>> = {
  "/2020-01-01/extension/register": {
    method: "POST",
    handle: (header, body, exchange) => ({
      _tag: "ExtensionRequest",
      request: {
        exchange,
        route: "register",
        name: header("lambda-extension-name"),
        acceptFeature: header("lambda-extension-accept-feature"),
        body: body.text
      }
    })
  },
  "/2020-01-01/extension/event/next": {
    method: "GET",
    handle: (header, _, exchange) => ({
      _tag: "ExtensionRequest",
      request: { exchange, route: "next", identifier: header("lambda-extension-identifier") }
    })
  },
  "/2020-01-01/extension/init/error": reportRoute("init/error"),
  "/2020-01-01/extension/exit/error": reportRoute("exit/error"),
  [telemetryPath]: subscribeRoute("telemetry"),
  [logsPath]: subscribeRoute("logs"),
  "/2018-06-01/ping": { method: "GET", handle: () => Wire.pong },
  "/2018-06-01/runtime/invocation/next": {
    method: "GET",
    handle: (_, __, exchange) => ({ _tag: "RuntimeRequest", request: { exchange, route: "next" } })
  },
  "/2018-06-01/runtime/init/error": {
    method: "POST",
    handle: (header, body, exchange) => ({
      _tag: "RuntimeRequest",
      request: {
        exchange,
        route: "init/error",
        errorType: header("lambda-runtime-function-error-type"),
        body: body.text
      }
    })
  }
}

/** The parts that only SnapStart needs. */
export interface SnapStart {
  /** The header `Authorization` of a request for the credentials. */
  readonly credentialsToken: string
  /** Asked for at each request, since they expire. */
  readonly credentials: () => Parameters<typeof Wire.containerCredentials>[0]
}

const snapStartRoute = (path: string, { credentials, credentialsToken }: SnapStart): Route | undefined => {
  switch (path) {
    case "/2018-06-01/runtime/restore/next":
      return {
        method: "GET",
        handle: (_, __, exchange) => ({ _tag: "RuntimeRequest", request: { exchange, route: "restore/next" } })
      }
    case "/2018-06-01/runtime/restore/error":
      return {
        method: "POST",
        handle: (header, body, exchange) => ({
          _tag: "RuntimeRequest",
          request: {
            exchange,
            route: "restore/error",
            errorType: header("lambda-runtime-function-error-type"),
            body: body.text
          }
        })
      }
    case credentialsPath:
      return {
        method: "GET",
        handle: (header) =>
          header("authorization") === credentialsToken
            ? Wire.containerCredentials(credentials())
            : Wire.credentialsNotFound
      }
    default:
      return undefined
  }
}

const invocationRoute = (requestId: string, kind: "response" | "error"): Route => ({
  method: "POST",
  handle: (header, body, exchange) => ({
    _tag: "RuntimeRequest",
    request:
      kind === "response"
        ? {
            exchange,
            route: "response",
            requestId,
            responseMode: header("lambda-runtime-function-response-mode"),
            trailingErrorType: body.trailer("lambda-runtime-function-error-type"),
            trailingErrorBody: Buffer.from(body.trailer("lambda-runtime-function-error-body"), "base64").toString(
              "utf8"
            ),
            body: body.text,
            bodyBytes: body.bytes
          }
        : {
            exchange,
            route: "error",
            requestId,
            errorType: header("lambda-runtime-function-error-type"),
            contentType: header("content-type"),
            body: body.text,
            bodyBytes: body.bytes
          }
  })
})

/** `undefined` if there is no such path. Managed instances have no Logs API (spec: Logs API). */
export const findRoute = (profile: Profile, path: string, snapStart?: SnapStart): Route | undefined => {
  const [, requestId, kind] = invocationPath.exec(path) ?? []
  if (requestId !== undefined && (kind === "response" || kind === "error")) return invocationRoute(requestId, kind)
  if (profile.logsApi === "absent" && path === logsPath) return undefined
  if (profile.telemetryApi === "stub" && Object.hasOwn(stubs, path)) return stubs[path]
  if (Object.hasOwn(routes, path)) return routes[path]
  return snapStart === undefined ? undefined : snapStartRoute(path, snapStart)
}

/**
 * Tells whether the path exists although extensions are switched off. The stubs of AWS's emulator are not guarded by
 * the switch (spec: transport, disable-extensions).
 */
export const isUnguarded = (profile: Profile, path: string): boolean =>
  path.startsWith("/2018-06-01/") ||
  path === credentialsPath ||
  (profile.telemetryApi === "stub" && !path.startsWith("/2020-01-01/"))
