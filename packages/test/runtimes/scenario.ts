/** Scenarios that are played on several runtimes. The table of tests and runtimes in docs/building.md lists them. */
import { it } from "@effect/vitest"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** A runtime that programs of tests are started on. */
export type RuntimeName = "Node" | "bun" | "LLRT"

/** A scenario in the table. */
export interface Row {
  readonly name: string
  /** The runtimes on which it says nothing, and the reason. */
  readonly not?: Readonly<Partial<Record<RuntimeName, string>>>
}

export interface Scenario extends Row {
  readonly run: (runtime: RuntimeName) => Effect.Effect<void, never, Scope.Scope>
}

/** Makes a test of each scenario that says something on the runtime. */
export const play = (runtime: RuntimeName, scenarios: ReadonlyArray<Scenario>): void => {
  for (const { name, not, run } of scenarios) {
    if (not?.[runtime] === undefined) it.live(name, () => run(runtime))
  }
}
