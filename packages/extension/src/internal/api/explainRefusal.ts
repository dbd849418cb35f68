/** Advice on a refusal of Lambda. */

/** Says what to do about a refusal, by the error type that Lambda answered with. */
export const explainRefusal = (errorType: string, errorMessage: string): string | undefined => {
  switch (errorType) {
    case "Extension.InvalidExtensionName":
      return "The extension's name must be the base name of its file in /opt/extensions, suffix included."
    case "Extension.InvalidEventType":
      if (errorMessage.includes("ShutdownEventNotSupportedForInternalExtension")) {
        return (
          "Lambda took this for an internal extension: no file of the registered name was started from /opt/extensions. " +
          "Register under the base name of the executed file, suffix included."
        )
      }
      if (errorMessage.includes("No events allowed for internal extensions")) {
        return "On managed instances an internal extension registers without events. Check that the name is the base name of the file."
      }
      if (errorMessage.startsWith("INVOKE:")) return "Managed instances know SHUTDOWN only."
      return "Lambda knows INVOKE and SHUTDOWN, in capitals."
    case "Extension.RegistrationClosed":
      return (
        "Internal extensions register before the runtime's first next. An external extension gets this " +
        "answer if its name is not the base name of its file."
      )
    case "Extension.TooManyExtensions":
      return "A function can have ten extensions, external and internal together."
    case "Extension.InvalidExtensionState":
      return errorMessage.includes("to Registered failed")
        ? "The extension is registered already; is it started twice, perhaps by a retry around it, or does a stub register for it?"
        : "The call does not fit what this extension did before (init/error only before the first next, one next at a time)."
    case "Extension.MissingExtensionIdentifier":
    case "Extension.InvalidExtensionIdentifier":
      return "Pass the identifier of the register answer."
    case "Extension.UnknownExtensionIdentifier":
      return "Identifiers end with the execution environment; after a reset the extension must register again."
    case "Extension.MissingHeader":
      return "An error report needs a non-empty errorType."
    case "InvalidRequestFormat":
      return "The request body was not what Lambda expects."
    case "InternalServerError":
      return "AWS asks an extension to stop after this."
    default:
      return undefined
  }
}
