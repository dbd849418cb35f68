/** The extensions of docs/field.md, in the order of its table. */
import type { Recipe } from "./Recipe.ts"
import { otelLambda } from "./recipes/otelLambda.ts"
import { rust } from "./recipes/rust.ts"
import { sentry } from "./recipes/sentry.ts"
import { serverless } from "./recipes/serverless.ts"

export const recipes: ReadonlyArray<Recipe> = [sentry, serverless, ...rust, otelLambda]
