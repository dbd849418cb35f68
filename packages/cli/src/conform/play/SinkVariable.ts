/** A variable that names the backend of an extension: it gets the URL of the sink, or a text around it. */
import * as Result from "effect/Result"
import type { CliError } from "effect/cli/CliError"
import * as UserError from "../../shared/UserError.ts"

/**
 * The name of the variable, and its value with `{url}` or `{host}` in the place of the sink.
 *
 * @category models
 * @since 0.1.0
 */
export interface SinkVariable {
  readonly name: string
  readonly value: string
}

/** Reads `NAME`, or `NAME=TEXT` as backends need it that are named by more than a URL. */
export const parse = (text: string): Result.Result<SinkVariable, CliError> => {
  const at = text.indexOf("=")
  if (at === -1) return Result.succeed({ name: text, value: "{url}" })
  const value = text.slice(at + 1)
  return at > 0 && /\{(?:url|host)\}/.test(value)
    ? Result.succeed({ name: text.slice(0, at), value })
    : Result.fail(UserError.make("--sink-env takes NAME, or NAME=TEXT with {url} or {host} in the text"))
}

/** The variables with the sink at this URL. `{host}` has the port. */
export const environment = (variables: ReadonlyArray<SinkVariable>, url: string): Record<string, string> => {
  const { host } = new URL(url)
  const valueOf = ({ value }: SinkVariable) => value.replaceAll("{url}", () => url).replaceAll("{host}", () => host)
  return Object.fromEntries(variables.map((variable) => [variable.name, valueOf(variable)]))
}
