/** The scenarios that `--only` and `--skip` choose, by name or by a pattern such as `telemetry/*`. */
import * as Result from "effect/Result"
import type { Scenario } from "./play/Scenario.ts"

const matcher = (pattern: string): RegExp =>
  new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`)

/** Gives the chosen scenarios in their order, or a sentence about the pattern that matches none. */
export const select = (
  scenarios: ReadonlyArray<Scenario>,
  { only, skip }: { readonly only: ReadonlyArray<string>; readonly skip: ReadonlyArray<string> }
): Result.Result<ReadonlyArray<Scenario>, string> => {
  for (const [flag, patterns] of [
    ["--only", only],
    ["--skip", skip]
  ] as const) {
    const useless = patterns.find((pattern) => !scenarios.some(({ name }) => matcher(pattern).test(name)))
    if (useless !== undefined) {
      return Result.fail(`${flag} ${useless} matches no scenario; --list shows their names`)
    }
  }
  const matches = (name: string, patterns: ReadonlyArray<string>) =>
    patterns.some((pattern) => matcher(pattern).test(name))
  const chosen = scenarios.filter(({ name }) => (only.length === 0 || matches(name, only)) && !matches(name, skip))
  return chosen.length === 0 ? Result.fail("--only and --skip leave no scenario") : Result.succeed(chosen)
}
