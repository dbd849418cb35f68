/** The requests that the machine answers, each with the name of its route. */

/** An HTTP request that waits for its answer. */
export type Exchange = number

/** A request of the Extensions API. Header values are `""` when missing. */
export type ExtensionRequest = { readonly exchange: Exchange } & (
  | { readonly route: "register"; readonly name: string; readonly acceptFeature: string; readonly body: string }
  | { readonly route: "next"; readonly identifier: string }
  | {
      readonly route: "init/error" | "exit/error"
      readonly identifier: string
      readonly errorType: string
      readonly body: string
    }
  | { readonly route: "telemetry" | "logs"; readonly identifier: string; readonly body: string }
)

/** A request of the Runtime API. Header values are `""` when missing; `bodyBytes` is the size of the whole body. */
export type RuntimeRequest = { readonly exchange: Exchange } & (
  | { readonly route: "runtime/next" | "runtime/restore/next" }
  | {
      readonly route: "runtime/response"
      readonly requestId: string
      readonly responseMode: string
      /** From the trailers of a streaming response that failed midway; `""` otherwise. */
      readonly trailingErrorType: string
      readonly trailingErrorBody: string
      readonly body: string
      readonly bodyBytes: number
    }
  | {
      readonly route: "runtime/error"
      readonly requestId: string
      readonly errorType: string
      readonly contentType: string
      readonly body: string
      readonly bodyBytes: number
    }
  | {
      readonly route: "runtime/init/error" | "runtime/restore/error"
      readonly errorType: string
      readonly body: string
    }
)

/** A request of either API. */
export type ApiRequest =
  | { readonly _tag: "ExtensionRequest"; readonly request: ExtensionRequest }
  | { readonly _tag: "RuntimeRequest"; readonly request: RuntimeRequest }

/** The names of the routes of both APIs, as faults name them. */
export type RouteName = ApiRequest["request"]["route"]
