/** The flags of `dev`. */
import * as Argument from "effect/cli/Argument"
import type * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Schema from "effect/Schema"
import * as BuildFlags from "../build/BuildFlags.ts"
import * as EmulateFlags from "../emulate/EmulateFlags.ts"

const {
  awsEnv,
  bootstrap,
  env,
  freeze,
  function: handler,
  initType,
  logFormat,
  logs,
  memory,
  opt,
  region,
  timeout
} = EmulateFlags.flags

export const flags = {
  entry: Argument.Path("ENTRY").pipe(
    Argument.withDescription(
      "The main file of the extension, or the folder of its package.json; default: the current folder"
    ),
    Argument.optional
  ),
  opt,
  llrt: BuildFlags.llrt,
  function: handler,
  bootstrap,
  invokePort: Flag.Int("invoke-port").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("The port on 127.0.0.1 that takes invokes over HTTP; 0 takes any free port"),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 }))),
    Flag.withDefault(EmulateFlags.defaultPort)
  ),
  env,
  region,
  awsEnv,
  initType,
  logFormat,
  timeout,
  memory,
  freeze,
  logs
}

export type Input = Command.Command.Config.Infer<typeof flags>
