/** `effect-lambda build`: makes a layer from TypeScript. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as NodePath from "node:path"
import * as Build from "../build/Build.ts"
import * as BuildFlags from "../build/BuildFlags.ts"
import * as Snippets from "../build/Snippets.ts"
import { maxUploadBytes } from "../layer/LayerLimits.ts"
import * as Llrt from "../layer/Llrt.ts"
import * as EnvFlag from "../project/EnvFlag.ts"
import * as LayerConfig from "../project/LayerConfig.ts"
import * as Terminal from "../shared/Terminal.ts"
import { fail } from "../shared/UserError.ts"

const flags = {
  entry: Argument.Path("ENTRY").pipe(
    Argument.withDescription(
      "The main file of the extension, or the folder of its package.json; default: the current folder"
    ),
    Argument.optional
  ),
  name: Flag.String("name").pipe(
    Flag.withDescription("The name of the extension and of its file; default: the name of the package"),
    Flag.optional
  ),
  runtime: Flag.Literals("runtime", LayerConfig.runtimes).pipe(
    Flag.withAlias("r"),
    Flag.withDescription(
      "The runtime of the program: managed, the function's Node (default); node, a Node in the layer; auto, the function's " +
        "Node if it has one, otherwise the layer's; bun; or llrt, a preview"
    ),
    Flag.optional
  ),
  arch: Flag.Literals("arch", LayerConfig.archChoices).pipe(
    Flag.withDescription("The processors to build for; default: both for managed, that of this machine for the others"),
    Flag.optional
  ),
  events: Flag.String("events").pipe(
    Flag.withMetavar("INVOKE,SHUTDOWN"),
    Flag.withDescription("The events that the program has to register for; default: those of its trial run"),
    Flag.optional
  ),
  entryKind: Flag.Literals("entry", LayerConfig.entryKinds).pipe(
    Flag.withDescription(
      "The entry that Lambda starts: a bash script that registers at once (default), or Node itself"
    ),
    Flag.optional
  ),
  start: Flag.Literals("start", LayerConfig.starts).pipe(
    Flag.withDescription(
      "Who sends the first next: the program when it has come up (ready, default), or the entry before it starts the " +
        "program (eager), so that init does not wait for JavaScript"
    ),
    Flag.optional
  ),
  startAnyway: Flag.Boolean("start-anyway").pipe(
    Flag.withDescription("Build with --start eager even if the function may rely on what the program does in its init"),
    Flag.optional
  ),
  codeCache: Flag.Literals("code-cache", LayerConfig.codeCaches).pipe(
    Flag.withDescription("V8 code caches; with off, two builds of the same sources are equal to the last byte"),
    Flag.optional
  ),
  node: Flag.String("node").pipe(
    Flag.withMetavar("VERSION,..."),
    Flag.withDescription("More versions of Node that get a code cache, such as 22.20.0; npm downloads them"),
    Flag.optional
  ),
  llrt: BuildFlags.llrt,
  env: EnvFlag.make("A variable of the function for the trial run"),
  out: Flag.Path("out").pipe(
    Flag.withAlias("o"),
    Flag.withDescription("The folder for the layers; default: dist beside package.json"),
    Flag.optional
  ),
  check: Flag.Boolean("check").pipe(
    Flag.withDescription("Let the TypeScript of the project check the types first; --no-check leaves that out"),
    Flag.withDefault(true)
  ),
  zip: Flag.Boolean("zip").pipe(
    Flag.withDescription("Write zips beside the folders; --no-zip writes none, for container images"),
    Flag.withDefault(true)
  ),
  snippet: Flag.Literals("snippet", Snippets.kinds).pipe(
    Flag.withDescription("Print how to deploy the layers with this tool"),
    Flag.optional
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print what was built as one JSON object"),
    Flag.withDefault(false)
  )
}

type Input = Command.Command.Config.Infer<typeof flags>

const list = (text: string) => text.split(",").filter((part) => part !== "")

/** The flags that were given, by the names of the settings. */
const settingsOf = (input: Input) => {
  const settings = {
    arch: Option.getOrUndefined(input.arch),
    codeCache: Option.getOrUndefined(input.codeCache),
    entryKind: Option.getOrUndefined(input.entryKind),
    env: input.env,
    events: Option.getOrUndefined(Option.map(input.events, list)),
    ...BuildFlags.llrtSetting(input.llrt),
    name: Option.getOrUndefined(input.name),
    node: Option.getOrUndefined(Option.map(input.node, list)),
    out: Option.getOrUndefined(input.out),
    runtime: Option.getOrUndefined(input.runtime),
    start: Option.getOrUndefined(input.start),
    startAnyway: Option.getOrUndefined(input.startAnyway)
  }
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
}

const size = (bytes: number): string =>
  bytes < 1_048_576 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1_048_576).toFixed(1)} MB`

const describe = ({
  codeCaches,
  contentHash,
  directory,
  llrt,
  unzippedBytes,
  zip
}: Build.BuiltLayer): ReadonlyArray<string> => [
  Snippets.shown(zip === undefined ? directory : zip.file),
  ...(zip === undefined
    ? []
    : [
        `  zipped    ${size(zip.bytes)}${zip.bytes > maxUploadBytes ? ": more than the 50 MB of a request, upload it to S3" : " of 50 MB"}`
      ]),
  `  unzipped  ${size(unzippedBytes)} of 250 MB, which the function and all of its layers share`,
  `  content   sha256 ${contentHash}`,
  llrt === undefined
    ? `  caches    ${codeCaches.length === 0 ? "none" : codeCaches.map((path) => NodePath.basename(path)).join(", ")}`
    : `  LLRT      ${llrt.version}${llrt.built === undefined ? "" : `, built on ${llrt.built}`}, with ${Llrt.certificates}`
]

const run = Effect.fnUntraced(function* (input: Input) {
  const { check, json, snippet, zip } = input
  if (json && Option.isSome(snippet)) return yield* fail("give --json or --snippet, not both")
  if (!zip && Option.isSome(snippet) && snippet.value !== "docker") {
    return yield* fail(`--snippet ${snippet.value} deploys a zip: leave out --no-zip`)
  }
  const config = yield* LayerConfig.resolve(Option.getOrUndefined(input.entry), settingsOf(input))
  const terminal = yield* Terminal.make
  const interrupted = Effect.andThen(terminal.ended, fail("interrupted"))
  const built = yield* Effect.raceFirst(Build.run(config, { check, zip }), interrupted)
  if (json) return yield* Console.log(JSON.stringify(built))
  yield* Console.log(
    [
      `${built.name}: runtime ${built.runtime}, start ${built.start}, registers for ${built.events.join(", ") || "no events"}`,
      ...built.layers.flatMap(describe),
      ...(built.sourceMap === undefined
        ? []
        : [
            Snippets.shown(built.sourceMap),
            "  for effect-lambda trace, which names the places in the sources in a log of the layer: keep it with the release"
          ]),
      ...built.notes.map((note) => `note: ${note.replaceAll("\n", "\n  ")}`),
      ...Option.match(snippet, {
        onNone: () => [],
        onSome: (kind) => ["", Snippets.render(kind, { ...built, variables: config.variables })]
      })
    ].join("\n")
  )
}, Effect.scoped)

export const build = Command.make("build", flags, run).pipe(
  Command.withShortDescription("Makes a layer of an extension, a folder and a zip for each architecture"),
  Command.withDescription(
    "Makes a layer of an extension: bundles it and runs it once under the emulator. Each architecture gets a folder laid out " +
      "as /opt and a zip.\n\n" +
      'The settings are in the package.json of the extension ("effectLambda": { ... }) or in flags; a flag comes first.'
  ),
  Command.withExamples([
    { command: "effect-lambda build", description: "The extension of the current folder" },
    {
      command: "effect-lambda build src/main.ts --runtime auto --arch arm64",
      description: "A layer that runs beside functions in any language"
    },
    {
      command: "effect-lambda build --node 22.20.0,24.18.0 --snippet sam",
      description: "With code caches for more versions of Node, and a snippet for the SAM template"
    }
  ])
)
