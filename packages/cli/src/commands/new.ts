/** `effect-lambda new`: writes the project of an extension, whose tests pass and which builds. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as NodePath from "node:path"
import * as Template from "../new/Template.ts"
import * as LayerConfig from "../project/LayerConfig.ts"
import { word } from "../shared/Shell.ts"
import * as UserError from "../shared/UserError.ts"

const input = {
  name: Argument.String("name").pipe(
    Argument.withDescription("The name of the extension: of its file in the layer, and of the npm package"),
    Argument.withFallbackPrompt(Prompt.String({ message: "Name of the extension" }))
  ),
  dir: Flag.Path("dir").pipe(
    Flag.withMetavar("PATH"),
    Flag.withDescription("The folder to write, which must be empty or new. Without it: ./NAME"),
    Flag.optional
  ),
  telemetry: Flag.Boolean("telemetry").pipe(
    Flag.withDescription("An extension that ships telemetry, instead of one that logs invocations"),
    Flag.withDefault(false)
  ),
  otel: Flag.Boolean("otel").pipe(
    Flag.withDescription("An extension that sends traces, metrics and logs as OpenTelemetry"),
    Flag.withDefault(false)
  ),
  runtime: Flag.Literals("runtime", LayerConfig.runtimes).pipe(
    Flag.withAlias("r"),
    Flag.withDescription("The runtime that the layer is built for; `effect-lambda build --help` explains them"),
    Flag.withDefault("managed" as const)
  ),
  from: Flag.Path("from").pipe(
    Flag.withMetavar("DIR"),
    Flag.withDescription("Take the packages @effect-lambda/* from tarballs that `pnpm pack` made in this folder"),
    Flag.optional
  )
}

/** Lines about the variables that the function needs in Lambda. */
const needs: Readonly<Record<Template.Kind, ReadonlyArray<string>>> = {
  hello: [],
  otel: [
    "",
    "In Lambda the function needs the variable EFFECT_LAMBDA_OTLP_ENDPOINT, the address of the backend; without it init",
    "of the extension fails. src/extension.ts says which logs are left out, and which values are masked."
  ],
  telemetry: [
    "",
    "In Lambda the function needs the variable TELEMETRY_URL, the address that takes the records; without it they",
    "go to the extension's own log."
  ]
}

const llrtNeeds = [
  "",
  "The build takes LLRT from a package, from --llrt PATH or from the variable EFFECT_LAMBDA_LLRT:",
  "https://github.com/effect-lambda/effect-lambda/blob/main/docs/building.md#llrt"
]

export const newProject = Command.make(
  "new",
  input,
  Effect.fnUntraced(function* ({ dir, from, name, otel, runtime, telemetry }) {
    if (otel && telemetry) {
      return yield* UserError.fail(
        "--telemetry and --otel are two kinds of project: give --otel for a backend of OpenTelemetry, --telemetry for any other"
      )
    }
    const kind = otel ? "otel" : telemetry ? "telemetry" : "hello"
    const files = yield* Template.render({ name, kind, from: Option.getOrUndefined(from), runtime })
    const directory = NodePath.resolve(Option.getOrElse(dir, () => name))
    yield* Template.write(directory, files)
    yield* Console.log(
      [
        `wrote ${directory}`,
        "",
        `  cd ${word(NodePath.relative("", directory) || ".")}`,
        "  npm install",
        "  npm test",
        "  npm run build",
        ...needs[kind],
        ...(runtime === "llrt" ? llrtNeeds : [])
      ].join("\n")
    )
    if (!Template.isPublished && Option.isNone(from)) {
      yield* Console.error(
        "\nwarning: effect-lambda is not published yet, so `npm install` does not find its packages. In its repository run\n" +
          `  ${Template.packCommand("/tmp/tarballs")}\n` +
          `and begin again in an empty folder with --from /tmp/tarballs`
      )
    }
  })
).pipe(
  Command.withDescription("Writes the project of an extension: program, function, test, configuration"),
  Command.withExamples([
    { command: "effect-lambda new my-extension", description: "An extension that logs invocations" },
    {
      command: "effect-lambda new my-shipper --telemetry --dir extensions/shipper",
      description: "An extension that ships telemetry"
    },
    { command: "effect-lambda new my-otel --otel", description: "An extension that sends OpenTelemetry" }
  ])
)
