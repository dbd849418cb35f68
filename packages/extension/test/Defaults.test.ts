/** The defaults are those that the documents name. `packages/test/Options.test.ts` holds the documents against the same table. */
import { it } from "@effect/vitest"
import { defaults } from "./defaults/all.ts"

it.effect.each(defaults)("$module: the default of $option is $standard", ({ shows }) => shows)
