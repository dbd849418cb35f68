/** The answers of a managed instance to a subscription, byte for byte. */
import type { WireResponse } from "../Wire.ts"

/**
 * Status 200 for a subscription on a managed instance: plain text by its type
 * (docs/protocol.md#telemetry-on-managed-instances).
 */
export const subscribed: WireResponse = {
  status: 200,
  headers: { "Content-Type": "text/plain; charset=utf-8" },
  body: '"OK"'
}

/**
 * Status 400 for a subscription on a managed instance: text that looks like JSON. The message is put in as it is, so
 * the text may be no valid JSON (docs/protocol.md#telemetry-on-managed-instances).
 */
export const subscriptionError = (errorType: string, errorMessage: string): WireResponse => ({
  status: 400,
  headers: { "Content-Type": "text/plain; charset=utf-8" },
  body: `{"errorType": "${errorType}", "errorMessage": "${errorMessage}"}`
})
