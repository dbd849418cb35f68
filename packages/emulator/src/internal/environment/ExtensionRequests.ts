/**
 * The four routes of the Extensions API, with their checks in the platform's order (docs/protocol.md#extensions-api).
 */
import type { Source } from "../Source.ts"
import * as Wire from "../wire/Wire.ts"
import { settleExtension, transitionFailed } from "./Delivery.ts"
import { advanceInit, maxExtensions } from "./Init.ts"
import { advanceInvocation } from "./Invocation.ts"
import { refuse } from "./Refusal.ts"
import { parseRegisterBody } from "./RegisterBody.ts"
import type { ExtensionRequest } from "../wire/Requests.ts"
import type { Environment, Extension } from "./State.ts"
import { record, reply, storeFatal } from "./State.ts"
import { subscribe } from "./Subscribe.ts"

const isInvokeOrShutdown = (event: string): event is "INVOKE" | "SHUTDOWN" => event === "INVOKE" || event === "SHUTDOWN"

/**
 * The text of the refusal when an extension may not have one of the events (docs/protocol.md#refusals-of-register,
 * docs/protocol.md#extensions-on-managed-instances).
 */
const eventProblem = (env: Environment, events: ReadonlyArray<string>, external: boolean): string | undefined => {
  const { givesInvoke } = env.options.profile
  if (!givesInvoke && !external && events.length > 0) return "No events allowed for internal extensions"
  for (const event of events) {
    if (!isInvokeOrShutdown(event) || (!givesInvoke && event === "INVOKE")) return `${event}: ErrorInvalidEventType`
    if (!external && event === "SHUTDOWN") return "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"
  }
  return undefined
}

const register = (env: Environment, request: ExtensionRequest & { readonly route: "register" }): void => {
  const { name } = request
  const { maxRegisterBytes } = env.options.profile
  if (name === "") return refuse(env, request, "Extension.InvalidExtensionName", "Empty extension name")
  if (maxRegisterBytes !== undefined && Buffer.byteLength(request.body) > maxRegisterBytes) {
    return refuse(env, request, "InvalidRequestFormat", "http: request body too large")
  }
  const body = parseRegisterBody(request.body)
  if (body._tag === "Invalid") return refuse(env, request, "InvalidRequestFormat", body.message)

  const external = env.extensions.find((extension) => extension.kind === "external" && extension.name === name)
  const problem = eventProblem(env, body.events, external !== undefined)
  if (problem !== undefined) return refuse(env, request, "Extension.InvalidEventType", problem)
  const events = body.events.filter(isInvokeOrShutdown)

  if (external !== undefined) {
    if (external.state !== "Started") {
      const message = transitionFailed(env.options.profile, external.state, "Registered", `extension ${name}`)
      return refuse(env, request, "Extension.InvalidExtensionState", message)
    }
    external.state = "Registered"
    external.registered = true
    external.events = events
    acceptRegistration(env, request, external)
    return advanceInit(env)
  }

  if (env.registrationClosed) {
    return refuse(env, request, "Extension.RegistrationClosed", "Extension registration closed already")
  }
  if (env.extensions.length >= maxExtensions) {
    return refuse(env, request, "Extension.TooManyExtensions", `Extension limit (${maxExtensions}) reached`)
  }
  if (env.extensions.some((extension) => extension.kind === "internal" && extension.name === name)) {
    return refuse(env, request, "Extension.InvalidExtensionState", "Extension with this name already registered")
  }
  const source: Source = `extension:${name}`
  const internal: Extension = {
    name,
    source,
    kind: "internal",
    identifier: env.newId(),
    state: "Registered",
    events,
    process: undefined,
    registered: true,
    arrived: false,
    released: false,
    poll: undefined
  }
  env.extensions.push(internal)
  acceptRegistration(env, request, internal)
}

const acceptRegistration = (
  env: Environment,
  request: ExtensionRequest & { readonly route: "register" },
  extension: Extension
): void => {
  const { identifier, kind, source, events } = extension
  record(env, { _tag: "Registered", source, kind, identifier, events })
  const features = request.acceptFeature.split(",").map((feature) => feature.trim())
  const { accountId, profile, ...told } = env.options
  // rapid is told about the function with its first init.
  const { functionName, functionVersion, handler } = env.initStarted
    ? told
    : { functionName: "", functionVersion: "", handler: "" }
  reply(
    env,
    request.exchange,
    Wire.registered({
      identifier,
      accountId: features.includes("accountId") && profile.tellsAccount ? accountId : undefined,
      functionName,
      functionVersion,
      handler
    })
  )
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/**
 * Reads an identifier as Go's uuid.Parse does: also upper case, `urn:uuid:`, any brackets, 32 digits without dashes.
 */
const parseIdentifier = (text: string): string | undefined => {
  let lower = text.toLowerCase()
  if (lower.startsWith("urn:uuid:")) lower = lower.slice("urn:uuid:".length)
  else if (lower.length === 38) lower = lower.slice(1, -1)
  else if (/^[0-9a-f]{32}$/.test(lower)) {
    lower = [lower.slice(0, 8), lower.slice(8, 12), lower.slice(12, 16), lower.slice(16, 20), lower.slice(20)].join("-")
  }
  return uuid.test(lower) ? lower : undefined
}

const next = (env: Environment, request: ExtensionRequest & { readonly route: "next" }, identifier: string): void => {
  const extension = findExtension(env, identifier)
  if (extension === undefined) {
    return refuse(env, request, "Extension.UnknownExtensionIdentifier", `Unknown extension ${identifier}`)
  }
  if (extension.state !== "Registered" && extension.state !== "Running") {
    const message = transitionFailed(env.options.profile, extension.state, "Ready", `extension ${identifier}`)
    return refuse(env, request, "Extension.InvalidExtensionState", message)
  }
  extension.state = "Ready"
  extension.arrived = true
  extension.poll = { exchange: request.exchange, aborted: false }
  record(env, { _tag: "NextCalled", source: extension.source })
  env.invocation?.waitingFor.delete(extension)
  settleExtension(env, extension)
  advanceInit(env)
  advanceInvocation(env)
}

const reportError = (
  env: Environment,
  request: ExtensionRequest & { readonly route: "init/error" | "exit/error" },
  identifier: string
): void => {
  if (request.errorType === "") {
    return refuse(env, request, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
  }
  const extension = findExtension(env, identifier)
  if (extension === undefined) {
    const message = "Unknown Lambda-Extension-Identifier"
    return refuse(env, request, "Extension.UnknownExtensionIdentifier", message)
  }
  const init = request.route === "init/error"
  const target = init ? "InitError" : "ExitError"
  const { source, state } = extension
  if (state === target) return reply(env, request.exchange, Wire.accepted)
  if (state !== "Registered" && (init || (state !== "Ready" && state !== "Running"))) {
    // The platform prints Exited, not ExitError, as the target of exit/error.
    const message = transitionFailed(
      env.options.profile,
      state,
      init ? "InitError" : "Exited",
      `extension ${identifier}`
    )
    return refuse(env, request, "Extension.InvalidExtensionState", message)
  }
  extension.state = target
  const { body, errorType, route } = request
  record(env, { _tag: "ErrorReported", source, route, errorType, body })
  // The invoker sees the fixed type, unless the profile keeps that of the sender. The environment goes on until the
  // process ends.
  const known = env.options.profile.keepsExtensionErrorType && /Extension\.[A-Z][a-zA-Z]+/.test(errorType)
  storeFatal(env, source, known ? errorType : `Extension.${target}`)
  reply(env, request.exchange, Wire.accepted)
}

const findExtension = (env: Environment, identifier: string): Extension | undefined =>
  env.extensions.find((extension) => extension.registered && extension.identifier === identifier)

export const handleExtensionRequest = (env: Environment, request: ExtensionRequest): void => {
  if (request.route === "register") return register(env, request)
  if (request.identifier === "") {
    const message = "Missing Lambda-Extension-Identifier header"
    return refuse(env, request, "Extension.MissingExtensionIdentifier", message)
  }
  const identifier = parseIdentifier(request.identifier)
  if (identifier === undefined) {
    return refuse(env, request, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
  }
  switch (request.route) {
    case "next":
      return next(env, request, identifier)
    case "telemetry":
    case "logs": {
      const extension = findExtension(env, identifier)
      if (extension !== undefined) return subscribe(env, request, extension)
      return refuse(env, request, "Extension.UnknownExtensionIdentifier", `Unknown extension ${identifier}`)
    }
    default:
      return reportError(env, request, identifier)
  }
}
