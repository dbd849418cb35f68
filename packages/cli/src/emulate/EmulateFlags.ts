/** The flags of `emulate`, of which `dev` has some. */
import * as Flag from "effect/cli/Flag"
import * as Schema from "effect/Schema"
import * as EnvFlag from "../project/EnvFlag.ts"
import * as Junit from "../report/Junit.ts"

/** A port that no known extension uses: Sentry's tunnel has 9000, the Runtime API has 9001. */
export const defaultPort = 9700
export const defaultListen = `127.0.0.1:${defaultPort}`

export const flags = {
  extensions: Flag.Path("extensions").pipe(
    Flag.withAlias("e"),
    Flag.withMetavar("DIR|FILE"),
    Flag.withDescription("An extension to run, or a folder laid out as /opt/extensions; may be given several times"),
    Flag.atLeast(0)
  ),
  opt: Flag.Path("opt").pipe(
    Flag.withMetavar("DIR|ZIP"),
    Flag.withDescription(
      "A layer, as a folder laid out as /opt or as its zip; seen as /opt if this system permits that. May be given several times, the later over the earlier"
    ),
    Flag.atLeast(0)
  ),
  function: Flag.Path("function").pipe(
    Flag.withAlias("f"),
    Flag.withMetavar("FILE"),
    Flag.withDescription("The function: a JavaScript, TypeScript or Python file that exports `handler`"),
    Flag.optional
  ),
  bootstrap: Flag.Path("bootstrap").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("The function: an executable that speaks the Runtime API itself"),
    Flag.optional
  ),
  invocations: Flag.Int("invocations").pipe(
    Flag.withAlias("n"),
    Flag.withMetavar("N"),
    Flag.withDescription(
      "Invoke the function N times, then shut down. By default the environment stays up and takes invokes over HTTP until Ctrl-C"
    ),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }))),
    Flag.optional
  ),
  payload: Flag.String("payload").pipe(
    Flag.withAlias("p"),
    Flag.withMetavar("FILE|JSON"),
    Flag.withDescription("The payload of each invocation; default: {}; goes with --invocations"),
    Flag.optional
  ),
  traceHeader: Flag.String("trace-header").pipe(
    Flag.withMetavar("HEADER"),
    Flag.withDescription("The X-Ray trace header of each invocation, Root=...;Sampled=1; goes with --invocations"),
    Flag.optional
  ),
  tracing: Flag.Literals("tracing", ["PassThrough", "Active"]).pipe(
    Flag.withDescription("The X-Ray tracing of the function, as in its configuration on Lambda"),
    Flag.withDefault("PassThrough")
  ),
  timeout: Flag.Finite("timeout").pipe(
    Flag.withMetavar("SECONDS"),
    Flag.withDescription("The function timeout, which covers extensions too"),
    Flag.withSchema(Schema.Finite.check(Schema.isBetween({ minimum: 0.1, maximum: 900 }))),
    Flag.withDefault(3)
  ),
  memory: Flag.Int("memory").pipe(
    Flag.withMetavar("MB"),
    Flag.withDescription("The memory size that the function is told, 128 to 10240; not enforced"),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 128, maximum: 10_240 }))),
    Flag.withDefault(128)
  ),
  env: EnvFlag.make("A variable of the function, which extensions share; more than effectLambda.env of package.json"),
  region: Flag.String("region").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("The region that the processes are told; default: us-east-1"),
    Flag.optional
  ),
  awsEnv: Flag.Boolean("aws-env").pipe(
    Flag.withDescription(
      "Give the processes the region and the AWS credentials of this shell, for extensions that call AWS"
    ),
    Flag.withDefault(false)
  ),
  initType: Flag.Literals("init-type", ["on-demand", "provisioned-concurrency", "snap-start"]).pipe(
    Flag.withDescription("How the environment is initialised, which also limits its init; default: on-demand"),
    Flag.optional
  ),
  logFormat: Flag.Literals("log-format", ["text", "json"]).pipe(
    Flag.withDescription("The log format of the function, as in its configuration on Lambda"),
    Flag.withDefault("text")
  ),
  profile: Flag.Literals("profile", ["real", "rie", "lmi"]).pipe(
    Flag.withDescription(
      "The behaviour to follow: that of AWS Lambda, of AWS's local emulator, or of managed instances"
    ),
    Flag.withDefault("real")
  ),
  freeze: Flag.Boolean("freeze").pipe(
    Flag.withDescription("Stop every process between invocations, as Lambda does; --no-freeze lets them run on"),
    Flag.withDefault(true)
  ),
  faults: Flag.String("fault").pipe(
    Flag.withMetavar("SPEC"),
    Flag.withDescription(
      "A fault of production to inject, such as reset:next@2; may be given several times, all are listed above"
    ),
    Flag.atLeast(0)
  ),
  seed: Flag.Int("seed").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("Decides when faults with a probability strike; the same seed gives the same run"),
    Flag.withDefault(1)
  ),
  listen: Flag.String("listen").pipe(
    Flag.withMetavar("HOST:PORT"),
    Flag.withDescription(
      `The address that takes invokes over HTTP, for the AWS SDK with this endpoint; ${defaultListen} without --invocations`
    ),
    Flag.optional
  ),
  journal: Flag.Path("journal").pipe(
    Flag.withMetavar("FILE.ndjson"),
    Flag.withDescription("Write everything that happens into this file, one JSON object a line"),
    Flag.optional
  ),
  report: Flag.Path("report").pipe(
    Flag.withMetavar("FILE.html"),
    Flag.withDescription(
      "Write the run as a page to look at: the phases, processes, faults, log and telemetry over time"
    ),
    Flag.optional
  ),
  junit: Junit.flag("the outcome of each extension"),
  logs: Flag.Boolean("logs").pipe(
    Flag.withDescription(
      "Print the lines Lambda writes into the log group (START, END, REPORT, EXTENSION) instead of the timeline"
    ),
    Flag.withDefault(false)
  ),
  strict: Flag.Boolean("strict").pipe(
    Flag.withDescription(
      "Exit with 1 also if an extension does not do its work: it idles, or its telemetry was refused or lost"
    ),
    Flag.withDefault(false)
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print the journal and the summary as JSON, one object a line"),
    Flag.withDefault(false)
  )
}
