/** The refusals that the document of the protocol has, and the profiles that have them. */

const extensionState = "(Started|Registered|Ready|Running|InitError|ExitError|ShutdownFailed|Exited|LaunchError)"

const runtimeState =
  "(Started|InitError|RestoreReady|Restoring|RuntimeRestoreErrorState|Ready|Running|InvocationResponse|InvocationErrorResponse|RuntimeResponseSentState)"

const uuid = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

/**
 * Every documented refusal (docs/protocol.md#extensions-api, docs/protocol.md#runtime-api), and the profiles in which
 * these sequences must have met it.
 */
export const documented: ReadonlyArray<
  readonly [status: number, errorType: string, message: string, profiles: string]
> = [
  [403, "Extension.InvalidExtensionName", "Empty extension name", "real rie lmi"],
  [403, "InvalidRequestFormat", "unexpected end of JSON input", "real rie lmi"],
  [403, "InvalidRequestFormat", "json: cannot unmarshal .*", "real rie lmi"],
  [403, "InvalidRequestFormat", "configurationKeys are deprecated; use environment variables instead", "real rie lmi"],
  [403, "InvalidRequestFormat", "http: request body too large", "lmi"],
  [403, "Extension.InvalidEventType", "(invoke|INVOKE): ErrorInvalidEventType", "real rie lmi"],
  [403, "Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension", "real rie"],
  [403, "Extension.InvalidEventType", "No events allowed for internal extensions", "lmi"],
  [403, "Extension.RegistrationClosed", "Extension registration closed already", "real rie lmi"],
  [403, "Extension.TooManyExtensions", "Extension limit \\(10\\) reached", "real rie lmi"],
  [403, "Extension.InvalidExtensionState", "Extension with this name already registered", "real rie lmi"],
  [
    403,
    "Extension.InvalidExtensionState",
    `State transition from ${extensionState} to Registered failed for extension [a-z0-9]+\\. Error: [Ss]tate transition is not allowed`,
    "real rie lmi"
  ],
  [
    403,
    "Extension.InvalidExtensionState",
    `State transition from ${extensionState} to (Ready|InitError|Exited) failed for extension ${uuid}\\. Error: [Ss]tate transition is not allowed`,
    "real rie lmi"
  ],
  [403, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header", "real rie lmi"],
  [403, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier", "real rie lmi"],
  [403, "Extension.UnknownExtensionIdentifier", `Unknown extension ${uuid}`, "real rie lmi"],
  [403, "Extension.UnknownExtensionIdentifier", "Unknown Lambda-Extension-Identifier", "real rie lmi"],
  [403, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found", "real rie lmi"],
  [
    403,
    "InvalidStateTransition",
    `State transition from ${runtimeState} to (Ready|InvocationResponse|InvocationErrorResponse|InitError|RuntimeRestoreErrorState) failed for runtime\\. Error: [Ss]tate transition is not allowed`,
    "real rie lmi"
  ],
  [400, "InvalidRequestID", "Invalid request ID", "real rie lmi"],
  [400, "InvalidFunctionResponseMode", "Invalid function response mode", "real rie lmi"],
  [0, "", "the environment has not started a runtime", "real rie"],
  [0, "", "the invocation that the runtime has in hand is lost", "real rie"],
  [0, "", "the error has 6291557 bytes; Lambda takes 6291556", "real rie"],
  [410, "InvokeTimeout", "Invoke timeout", "lmi"],
  [413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size \\(6291556 bytes\\)\\.", "real rie lmi"],
  [403, "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed already", "real"],
  [403, "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed", "lmi"],
  [403, "Logs.SubscriptionClosed", "Logs API subscription is closed already", "real"],
  [400, "Telemetry.DeserializationError", "expected value at line 1 column \\d+", "real"],
  [400, "Logs.DeserializationError", "expected value at line 1 column \\d+", "real"],
  [
    400,
    "Telemetry.AccessDenied",
    "The extension [a-z0-9]+ is already subscribed to the LogsAPI\\. You must either subscribe to the LogsAPI or the TelemetryAPI",
    "real"
  ],
  [
    400,
    "Logs.AccessDenied",
    "The extension [a-z0-9]+ is already subscribed to the TelemetryAPI\\. You must either subscribe to the LogsAPI or the TelemetryAPI",
    "real"
  ],
  [400, "Telemetry.ValidationError", "TelemetryAPI only supports the SchemaVersion released after 2021-03-18", "real"],
  [400, "Logs.ValidationError", "LogsAPI only supports the following SchemaVersion: 2020-08-15, 2021-03-18", "real"],
  [400, "ValidationError", "failed to parse JSON: invalid character .*", "lmi"],
  [400, "ValidationError", "schema validation error: [^]*", "lmi"],
  [400, "ValidationError", "Invalid destination: could not TCP dial provided address nobody", "lmi"],
  [500, "InternalServerError", "Internal Server Error", "lmi"]
]
