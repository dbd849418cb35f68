/**
 * The variables that an author can set for the function and its extensions, for tools that check them before a run.
 *
 * @since 0.1.0
 */
export { problemOf, regionProblem } from "./internal/settings/VariableRules.ts"
