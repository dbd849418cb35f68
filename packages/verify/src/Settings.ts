/** The settings of a run: names, limits, and which scenarios run. */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type { LayerName, Scenario } from "./Scenario.ts"

/** The network of managed instances. The scenario `managed` does not run without a network. */
export interface Network {
  readonly subnets: ReadonlyArray<string>
  readonly securityGroups: ReadonlyArray<string>
}

export class Settings extends Context.Service<
  Settings,
  {
    /** Eight hexadecimal digits, different for each run. */
    readonly suffix: string
    readonly arch: "arm64" | "x64"
    readonly scenarios: ReadonlyArray<Scenario>
    readonly network: Network | undefined
    /** Removes nothing at the end. */
    readonly keep: boolean
    /** The pause between two looks at something that takes time. */
    readonly pause: Duration.Input
    readonly limits: {
      /** A function, a role, a log line, a removal. */
      readonly short: Duration.Input
      /** A snapshot, provisioned concurrency, a capacity provider. */
      readonly long: Duration.Input
      /** SHUTDOWN of an environment that is no longer needed; zero does not wait. */
      readonly spindown: Duration.Input
    }
    readonly zips: Readonly<Record<LayerName | Scenario["runtime"], Uint8Array>>
  }
>()("@effect-lambda/verify/Settings") {}

const prefix = "effect-lambda-verify-"

/** The tag of everything that a run makes, with its suffix as the value. */
export const tag = "effect-lambda-verify"

export const nameOf = (suffix: string, what: string) => `${prefix}${suffix}-${what}`

/** Whether a name is that of a thing that a run made. Layers have no tags. */
export const isOurs = (name: string) => new RegExp(`^${prefix}[0-9a-f]{8}-`).test(name)

export const logGroupPrefix = `/aws/lambda/${prefix}`
export const logGroupOf = (functionName: string) => `/aws/lambda/${functionName}`
