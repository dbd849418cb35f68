/** The flags of `conform`. */
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as EnvFlag from "../project/EnvFlag.ts"
import * as Junit from "../report/Junit.ts"
import * as SinkVariable from "./play/SinkVariable.ts"

export const flags = {
  target: Argument.Path("target").pipe(
    Argument.withMetavar("LAYER.zip|DIR|FILE"),
    Argument.withDescription("A layer as a zip or as a folder laid out as /opt, an extension file, or a built project"),
    Argument.optional
  ),
  function: Flag.Path("function").pipe(
    Flag.withAlias("f"),
    Flag.withMetavar("FILE"),
    Flag.withDescription("The function; default: a Node function that prints what a scenario asks for"),
    Flag.optional
  ),
  env: EnvFlag.make("A variable of the function, which extensions share"),
  sinkEnv: Flag.String("sink-env").pipe(
    Flag.withMetavar("NAME[=TEXT]"),
    Flag.withDescription(
      "A variable that names the backend of the extension; it gets the URL of a sink on this machine, or the text with {url} and {host} replaced, such as DSN=http://key@{host}/1. May be given several times"
    ),
    Flag.atLeast(0),
    Flag.mapEffect((texts) => Effect.forEach(texts, (text) => Effect.fromResult(SinkVariable.parse(text))))
  ),
  sinkTls: Flag.Boolean("sink-tls").pipe(
    Flag.withDescription(
      "The sink speaks HTTPS on localhost, with a certificate of an authority of ours, which NODE_EXTRA_CA_CERTS and SSL_CERT_FILE name"
    ),
    Flag.withDefault(false)
  ),
  only: Flag.String("only").pipe(
    Flag.withMetavar("PATTERN"),
    Flag.withDescription(
      "Play these scenarios alone, such as next/lost-poll or telemetry/*; may be given several times"
    ),
    Flag.atLeast(0)
  ),
  skip: Flag.String("skip").pipe(
    Flag.withMetavar("PATTERN"),
    Flag.withDescription("Leave these scenarios out; may be given several times"),
    Flag.atLeast(0)
  ),
  jobs: Flag.Int("jobs").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("The number of scenarios that are played at the same time"),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 32 }))),
    Flag.withDefault(2)
  ),
  longFreeze: Flag.Int("long-freeze").pipe(
    Flag.withMetavar("SECONDS"),
    Flag.withDescription("The length of a long freeze, which is really waited for"),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3600 }))),
    Flag.withDefault(20)
  ),
  seed: Flag.Int("seed").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("Decides when faults with a probability strike; the same seed gives the same run"),
    Flag.withDefault(1)
  ),
  failOn: Flag.Literals("fail-on", ["fail", "warn"]).pipe(
    Flag.withDescription("The verdicts that make the exit code 1"),
    Flag.withDefault("fail")
  ),
  report: Flag.Path("report").pipe(
    Flag.withMetavar("FILE.html"),
    Flag.withDescription("Write a page that shows every scenario; it can be opened without a network"),
    Flag.optional
  ),
  junit: Junit.flag("the verdicts"),
  json: Flag.Path("json").pipe(
    Flag.withMetavar("FILE.json"),
    Flag.withDescription("Write the verdicts as JSON, for programs"),
    Flag.optional
  ),
  list: Flag.Boolean("list").pipe(Flag.withDescription("Print the scenarios, and play none"), Flag.withDefault(false))
}
