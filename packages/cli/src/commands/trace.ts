/** `effect-lambda trace`: names the places in the sources that the stack traces of a log come from. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import process from "node:process"
import * as SourceMap from "../layer/SourceMap.ts"
import * as LayerConfig from "../project/LayerConfig.ts"
import * as Terminal from "../shared/Terminal.ts"
import { fail, make } from "../shared/UserError.ts"

const flags = {
  log: Argument.Path("LOG").pipe(
    Argument.withDescription("A file with lines of a log, in any format; default: standard input"),
    Argument.optional
  ),
  map: Flag.Path("map").pipe(
    Flag.withMetavar("FILE.map"),
    Flag.withDescription(
      "The source map that the build of exactly this layer wrote; default: that of the last build here"
    ),
    Flag.optional
  )
}

type Input = Command.Command.Config.Infer<typeof flags>

/** The path of the map that the last build of the extension in the current folder wrote. */
const lastMap = LayerConfig.resolve(undefined, {}).pipe(
  Effect.map(SourceMap.fileOf),
  Effect.mapError(({ message }) =>
    make(`there is no extension here whose map could be used (${message}): name the source map with --map FILE.map`)
  )
)

const positionsIn = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs
    .readFileString(file)
    .pipe(
      Effect.mapError((error) =>
        make(`the source map ${file} cannot be read: ${error.message}; effect-lambda build writes it beside the layers`)
      )
    )
  const map = SourceMap.decode(text)
  if (map === undefined) return yield* fail(`${file} is not a source map that effect-lambda build has written`)
  return { file: map.file, positions: SourceMap.positions(map) }
})

const linesOf = Effect.fnUntraced(function* (log: string | undefined) {
  if (log !== undefined) return (yield* FileSystem.FileSystem).stream(log)
  const { stdin, stdinIsTerminal } = yield* Stdio.Stdio
  if (yield* stdinIsTerminal) {
    return yield* fail("name a file with the log, or pipe it in: aws logs tail GROUP | effect-lambda trace")
  }
  // An open standard input keeps the process alive, and its writer may never end.
  return Stream.ensuring(
    stdin,
    Effect.sync(() => process.stdin.destroy())
  )
})

/** Waits until the output takes more: a log may be larger than the memory. */
const written = Effect.callback<void>((resume) => {
  if (!process.stdout.writableNeedDrain) return resume(Effect.void)
  const onDrain = () => resume(Effect.void)
  process.stdout.once("drain", onDrain)
  return Effect.sync(() => process.stdout.off("drain", onDrain))
})

const run = Effect.fnUntraced(function* ({ log, map }: Input) {
  const file = Option.isSome(map) ? map.value : yield* lastMap
  const { file: bundle, positions } = yield* positionsIn(file)
  const bytes = yield* linesOf(Option.getOrUndefined(log))
  const terminal = yield* Terminal.make
  let isUseful = false
  const work = bytes.pipe(
    Stream.decodeText,
    Stream.splitLines,
    Stream.runForEach((line) => {
      const text = positions.restore(line)
      isUseful ||= text !== line
      return Effect.andThen(terminal.print(text), written)
    }),
    Effect.catchTag("PlatformError", (error) => fail(`the log cannot be read: ${error.message}`))
  )
  yield* Effect.raceFirst(work, terminal.ended)
  if (!isUseful) yield* terminal.tell(`no position in ${bundle} was found in this log`)
}, Effect.scoped)

export const trace = Command.make("trace", flags, run).pipe(
  Command.withShortDescription("Names the places in the sources in the stack traces of a log"),
  Command.withDescription(
    "Copies a log. Each place in the minified bundle of a layer (/opt/NAME/bundle.cjs:21:7154) becomes the place in the " +
      "sources (src/main.ts:12:8)."
  ),
  Command.withExamples([
    {
      command: "aws logs tail /aws/lambda/my-function --follow | effect-lambda trace",
      description: "The log of the layer that was built here last"
    },
    {
      command: "effect-lambda trace --map releases/1.4.2/watcher.map outage.log",
      description: "The log of an earlier release"
    }
  ])
)
