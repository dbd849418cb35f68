/** Advice on a refused subscription. */
import { explainRefusal } from "../../../internal/api/explainRefusal.ts"

/** Says what to do about a refused subscription. Both APIs refuse in the same words, except for the prefix. */
export const explainSubscription = (errorType: string, errorMessage: string): string | undefined => {
  switch (errorType.replace(/^(Telemetry|Logs)\./, "")) {
    case "SubscriptionClosed":
      return "Subscribe between register and the first next: Lambda takes no subscription after init has ended."
    case "AccessDenied":
      if (errorMessage.includes("already subscribed to the")) {
        return "An extension can use only the API that it subscribed to first; a reset of the environment does not change that."
      }
      if (errorMessage.includes("hostname")) {
        return "Lambda delivers to http://sandbox.localdomain:<port>, whatever address the listener is bound to."
      }
      if (errorMessage.includes("scheme")) return "The destination is inside the environment: use http."
      return "Lambda does not allow this destination."
    case "ValidationError":
      if (/schemaVersion/i.test(errorMessage)) {
        return (
          "The Telemetry API has 2022-07-01, 2022-12-13 and 2025-01-29 (managed instances the last one only). " +
          "The Logs API has 2020-08-15 and 2021-03-18. Leave schemaVersion out to get the newest."
        )
      }
      if (errorMessage.includes("enum variant")) {
        return "Single events are not types: subscribe to platform, function or extension, and pick events by their type."
      }
      if (errorMessage.includes("Invalid destination")) return "Bind the listener before subscribing."
      return "Change the field or value that the message names."
    case "DeserializationError":
      return "This Lambda does not know a field or a value of the subscription: change the one that the message names."
    case "InternalServerError":
      return "Lambda's telemetry service failed, or (managed instances) the extension is subscribed already."
    default:
      return explainRefusal(errorType, errorMessage)
  }
}
