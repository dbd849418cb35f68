/** The flags that `build` and `dev` share. */
import * as Flag from "effect/cli/Flag"

/** The binaries of LLRT. */
export const llrt = Flag.Path("llrt").pipe(
  Flag.withMetavar("PATH"),
  Flag.withDescription(
    "The binary of LLRT, for the runtime llrt; once for each architecture. Default: EFFECT_LAMBDA_LLRT, or the npm package"
  ),
  Flag.atLeast(0)
)

/** The setting that the flag gives, if it was given. */
export const llrtSetting = (paths: ReadonlyArray<string>) => (paths.length === 0 ? {} : { llrt: paths })
