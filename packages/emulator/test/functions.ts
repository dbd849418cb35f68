/** Functions of a handler file, for the tests of the bundled bootstraps. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Effect from "effect/Effect"
import { startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

/** The function's file in a separate directory, as on Lambda. */
export const withFunction = Effect.fnUntraced(function* (name: string, text: string, options: Emulator.Options = {}) {
  const directory = yield* temporaryDirectory
  const handler = writeExecutable(directory, name, text, 0o644)
  const emulator = yield* startEmulator({ timeout: "10 seconds", function: { handler }, ...options })
  return { emulator, handler, directory }
})

export const errorOf = ({
  payload
}: Emulator.InvokeResult): { readonly errorType: string; readonly errorMessage: string } => JSON.parse(payload)

export const invokeOptions: Emulator.InvokeOptions = {
  requestId: "11111111-2222-4333-8444-555555555555",
  traceHeader: "Root=1-2-3;Sampled=0",
  clientContext: '{"custom":{"café":"\n€"}}'.replace("\n", ""),
  cognitoIdentity: '{"cognitoIdentityId":"id","cognitoIdentityPoolId":"pool"}',
  tenantId: "tenant",
  qualifier: "live"
}
