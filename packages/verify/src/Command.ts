/** The flags of `npm run verify:aws`, and what it prints. */
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Aws from "./aws/Aws.ts"
import { compare, markdown } from "./Comparison.ts"
import { cleanup } from "./deploy/Cleanup.ts"
import { Leftovers } from "./deploy/Resources.ts"
import * as Zips from "./deploy/Zips.ts"
import type { Recording } from "./Recording.ts"
import { run } from "./Run.ts"
import { scenarios as allScenarios } from "./Scenario.ts"
import { Settings } from "./Settings.ts"

const flags = {
  region: Flag.String("region").pipe(
    Flag.withDescription("The region; default: AWS_REGION, or that of the profile"),
    Flag.optional
  ),
  profile: Flag.String("profile").pipe(
    Flag.withDescription("A profile of ~/.aws; default: the credentials of the environment, as the AWS CLI finds them"),
    Flag.optional
  ),
  only: Flag.String("only").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription(`A scenario: ${allScenarios.map(({ name }) => name).join(", ")}; may be given several times`),
    Flag.atLeast(0)
  ),
  arch: Flag.Literals("arch", ["arm64", "x64"]).pipe(
    Flag.withDescription("The processor of the functions and layers"),
    Flag.withDefault("arm64")
  ),
  subnets: Flag.String("subnets").pipe(
    Flag.withMetavar("ID,..."),
    Flag.withDescription("The subnets of managed instances; without them the scenario managed does not run"),
    Flag.optional
  ),
  securityGroups: Flag.String("security-groups").pipe(
    Flag.withMetavar("ID,..."),
    Flag.withDescription("The security groups of managed instances"),
    Flag.optional
  ),
  spindown: Flag.Int("spindown-minutes").pipe(
    Flag.withDescription("How long to wait for SHUTDOWN of environments that are no longer needed; 0 does not wait"),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 }))),
    Flag.withDefault(10)
  ),
  out: Flag.Path("out").pipe(
    Flag.withDescription("The folder for the report and the recording"),
    Flag.withDefault("verify-aws")
  ),
  keep: Flag.Boolean("keep").pipe(Flag.withDescription("Remove nothing at the end"), Flag.withDefault(false)),
  cleanup: Flag.Boolean("cleanup").pipe(
    Flag.withDescription("Remove what earlier runs left in this region, and run nothing"),
    Flag.withDefault(false)
  ),
  dryRun: Flag.Boolean("dry-run").pipe(Flag.withDescription("Show every call, and make none"), Flag.withDefault(false))
}

const fail = (message: string) => Effect.fail(new CliError.UserError({ cause: message }))

/** The comparison was made, or tried, and this is its result. */
export class Finding extends CliError.UserError {}

const failWith = (message: string) => Effect.fail(new Finding({ cause: message }))

/** A finding is 1. Whatever kept the run from the comparison is 2, wrong flags too. */
export const exitCode = (exit: Exit.Exit<unknown, unknown>): number => {
  let code = 0
  Runtime.defaultTeardown(exit, (found) => {
    code = found
  })
  return code === 1 && Exit.isFailure(exit) && !(Cause.squash(exit.cause) instanceof Finding) ? 2 : code
}

const listOf = (ids: Option.Option<string>) =>
  Option.match(ids, { onNone: () => [], onSome: (text) => text.split(",").filter((id) => id !== "") })

const chooseScenarios = Effect.fnUntraced(function* (only: ReadonlyArray<string>) {
  const names: ReadonlyArray<string> = allScenarios.map(({ name }) => name)
  const unknown = only.filter((name) => !names.includes(name))
  if (unknown.length > 0)
    return yield* fail(`there is no scenario ${unknown.join(", ")}; there are ${names.join(", ")}`)
  return only.length === 0 ? allScenarios : allScenarios.filter(({ name }) => only.includes(name))
})

const randomSuffix = Effect.map(Random.nextIntBetween(0, 2 ** 32 - 1), (number) => number.toString(16).padStart(8, "0"))

const cannotWrite = (out: string) => (error: unknown) =>
  new CliError.UserError({
    cause: `${out} cannot be written: ${error instanceof Error ? error.message : String(error)}`
  })

/** Makes the folder of the report: a run of 20 minutes must not end without it. */
const makeFolder = (out: string) =>
  Effect.try({
    try: () => {
      Fs.mkdirSync(out, { recursive: true })
      Fs.accessSync(out, Fs.constants.W_OK)
    },
    catch: cannotWrite(out)
  })

/** Writes both files, and says what they say. Fails if something differs, or if nothing was recorded. */
const report = Effect.fnUntraced(function* (recording: Recording, out: string) {
  const findings = compare(recording)
  const files = [
    [Path.join(out, "report.md"), markdown(recording, findings)],
    [Path.join(out, "recording.json"), `${JSON.stringify(recording)}\n`]
  ] as const
  yield* Effect.try({
    try: () => {
      for (const [file, text] of files) Fs.writeFileSync(file, text)
    },
    catch: cannotWrite(out)
  })
  yield* Console.log(files.map(([file]) => file).join("\n"))
  const differing = findings.filter(({ verdict }) => verdict === "differs").map(({ fact }) => fact.id)
  const count = (verdict: string) => findings.filter((finding) => finding.verdict === verdict).length
  yield* Console.log(
    `${count("agrees")} facts agree, ${differing.length} differ, ${count("not seen")} were not seen; ${count("observed")} open points were observed`
  )
  if (count("agrees") + differing.length === 0)
    return yield* failWith("nothing was recorded: the report names the reasons")
  if (differing.length > 0) return yield* failWith(`Lambda differs from docs/protocol.md: ${differing.join(", ")}`)
})

/** Fails if something stays behind, after all else has been said. */
const withLeftovers = <A, E, R>(effect: Effect.Effect<A, E, R | Leftovers>) =>
  Effect.gen(function* () {
    const leftovers = yield* Ref.make<ReadonlyArray<string>>([])
    const say = Effect.flatMap(Ref.get(leftovers), (all) =>
      all.length === 0
        ? Effect.void
        : Console.error(
            `left behind (remove it by --cleanup, or by hand):\n${all.map((line) => `  ${line}`).join("\n")}`
          )
    )
    const result = yield* effect.pipe(Effect.provideService(Leftovers, leftovers), Effect.ensuring(say))
    if ((yield* Ref.get(leftovers)).length > 0) return yield* failWith("not everything was removed")
    return result
  })

const command = Command.make("verify:aws", flags, (input) =>
  Effect.gen(function* () {
    const { arch, dryRun, keep, out, spindown } = input
    const scenarios = yield* chooseScenarios(input.only)
    const subnets = listOf(input.subnets)
    const securityGroups = listOf(input.securityGroups)
    if ((subnets.length === 0) !== (securityGroups.length === 0)) {
      return yield* fail("--subnets and --security-groups go together")
    }
    if (!dryRun && !input.cleanup) yield* makeFolder(out)
    const environmentRegion = yield* Config.NonEmptyString("AWS_REGION").pipe(
      Config.orElse(() => Config.NonEmptyString("AWS_DEFAULT_REGION")),
      Config.option
    )
    const region = Option.getOrUndefined(Option.orElse(input.region, () => environmentRegion))
    const aws = dryRun
      ? Aws.layerDry(region ?? "us-east-1")
      : Aws.layer({
          ...(region === undefined ? {} : { region }),
          ...Option.match(input.profile, { onNone: () => ({}), onSome: (profile) => ({ profile }) })
        })
    const settings: Settings["Service"] = {
      suffix: yield* randomSuffix,
      arch,
      scenarios,
      network: subnets.length === 0 ? undefined : { subnets, securityGroups },
      keep,
      pause: "3 seconds",
      limits: { short: "3 minutes", long: "15 minutes", spindown: `${spindown} minutes` },
      zips: dryRun || input.cleanup ? Zips.unbuilt() : yield* Zips.make(scenarios, arch)
    }
    const work = input.cleanup
      ? Effect.flatMap(cleanup, (found) => Console.log(`${found} things of earlier runs were found`))
      : Effect.flatMap(run, (recording) => (dryRun ? Effect.void : report(recording, out)))
    yield* withLeftovers(work).pipe(
      Effect.provideService(Settings, settings),
      Effect.provide(aws),
      Effect.catchTag("AwsError", (error) => fail(Aws.sentenceOf(error)))
    )
  }).pipe(Effect.catchTag("BuildError", ({ message }) => fail(message)))
).pipe(
  Command.withDescription(
    "Compares docs/protocol.md with AWS Lambda, in an account of yours: makes functions and layers, records what they see, " +
      "writes the differences, and removes everything. docs/verify-aws.md says what it needs and costs."
  )
)

export const runCommand = Command.runWith(command, { version: "0.0.0" })
