import { explain } from "./explain.ts"

/** What the reader of a refused subscription can do about it. Both APIs refuse in the same words but for the prefix. */
export const explainSubscription = (errorType: string, errorMessage: string): string | undefined => {
  switch (errorType.replace(/^(Telemetry|Logs)\./, "")) {
    case "SubscriptionClosed":
      return "Subscribe between register and the first next: once all of init is over, no subscription is taken any more."
    case "AccessDenied":
      if (errorMessage.includes("already subscribed to the")) {
        return "An extension has one of the two APIs, the one it subscribed to first; a reset of the environment does not change that."
      }
      if (errorMessage.includes("hostname")) {
        return "Lambda delivers to http://sandbox.localdomain:<port>, whatever address the listener is bound to."
      }
      if (errorMessage.includes("scheme")) return "The destination is inside the environment: use http."
      return "Lambda does not allow this destination."
    case "ValidationError":
      if (/schemaVersion/i.test(errorMessage)) {
        return (
          "The Telemetry API has 2022-07-01, 2022-12-13 and 2025-01-29 (managed instances the last one only), " +
          "the Logs API 2020-08-15 and 2021-03-18; leave schemaVersion out to get the newest."
        )
      }
      if (errorMessage.includes("enum variant")) {
        return "Single events are no types: subscribe to platform, function or extension, and pick events by their type."
      }
      if (errorMessage.includes("Invalid destination")) return "Bind the listener before subscribing."
      return "Change what the message names."
    case "DeserializationError":
      return "This Lambda does not know a field or a value of the subscription: change what the message names."
    case "InternalServerError":
      return "Lambda's telemetry service failed, or (managed instances) the extension is subscribed already."
    default:
      return explain(errorType, errorMessage)
  }
}
