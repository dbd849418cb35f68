/** The facts of docs/protocol.md that a run compares. */
import type { Fact } from "./Fact.ts"
import { extensionFacts } from "./facts/extensions.ts"
import { lifecycleFacts } from "./facts/lifecycle.ts"
import { telemetryFacts } from "./facts/telemetry.ts"

export const facts: ReadonlyArray<Fact> = [...extensionFacts, ...telemetryFacts, ...lifecycleFacts]
