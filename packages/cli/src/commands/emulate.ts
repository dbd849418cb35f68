/** `effect-lambda emulate`: extensions and a function in a Lambda execution environment on this machine. */
import * as Emulator from "@effect-lambda/emulator/Emulator"
import type { EmulatorError } from "@effect-lambda/emulator/EmulatorError"
import * as Fault from "@effect-lambda/emulator/Fault"
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Timeline from "@effect-lambda/emulator/Timeline"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import process from "node:process"
import { styleText } from "node:util"
import * as CloudWatchLines from "../CloudWatchLines.ts"
import * as Summary from "../Summary.ts"

const fail = (message: string) => Effect.fail(new CliError.UserError({ cause: message }))

const flags = {
  extensions: Flag.Path("extensions").pipe(
    Flag.withAlias("e"),
    Flag.withMetavar("DIR|FILE"),
    Flag.withDescription("An extension to run, or a folder laid out as /opt/extensions; may be given several times"),
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
      "Invoke the function N times, then shut down. Without it: stay up and take invokes over HTTP until Ctrl-C"
    ),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }))),
    Flag.optional
  ),
  payload: Flag.String("payload").pipe(
    Flag.withAlias("p"),
    Flag.withMetavar("FILE|JSON"),
    Flag.withDescription("What the function is invoked with"),
    Flag.withDefault("{}")
  ),
  timeout: Flag.Finite("timeout").pipe(
    Flag.withMetavar("SECONDS"),
    Flag.withDescription("The function timeout, which covers extensions too"),
    Flag.withSchema(Schema.Finite.check(Schema.isBetween({ minimum: 0.1, maximum: 900 }))),
    Flag.withDefault(3)
  ),
  memory: Flag.Int("memory").pipe(
    Flag.withMetavar("MB"),
    Flag.withDescription("The memory size that the function is told; not enforced"),
    Flag.withDefault(128)
  ),
  profile: Flag.Literals("profile", ["real", "rie", "lmi"]).pipe(
    Flag.withDescription("Whose behaviour: AWS Lambda, AWS's local emulator, or managed instances"),
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
    Flag.withDescription("Decides where faults with a probability hit; the same seed, the same run"),
    Flag.withDefault(1)
  ),
  listen: Flag.String("listen").pipe(
    Flag.withMetavar("HOST:PORT"),
    Flag.withDescription(
      "Where invokes are taken over HTTP, for the AWS SDK with this endpoint; 127.0.0.1:9000 without --invocations"
    ),
    Flag.optional
  ),
  journal: Flag.Path("journal").pipe(
    Flag.withMetavar("FILE.ndjson"),
    Flag.withDescription("Write everything that happens into this file, one JSON object a line"),
    Flag.optional
  ),
  logs: Flag.Boolean("logs").pipe(
    Flag.withDescription(
      "Print the lines Lambda writes into the log group (START, END, REPORT, EXTENSION) instead of the timeline"
    ),
    Flag.withDefault(false)
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print the journal and the summary as JSON, one object a line"),
    Flag.withDefault(false)
  )
}

type Input = Command.Command.Config.Infer<typeof flags>

const defaultListen = "127.0.0.1:9000"

const parseListen = (text: string) => {
  const match = /^(?:(.+):)?(\d{1,5})$/.exec(text)
  const port = Number(match?.[2])
  return match === null || port > 65_535
    ? fail(`--listen takes HOST:PORT, such as ${defaultListen}, not ${JSON.stringify(text)}`)
    : Effect.succeed({ host: match[1] ?? "127.0.0.1", port })
}

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** JSON as it stands on the command line, or the JSON in a file. */
const readPayload = (text: string) => {
  if (isJson(text)) return Effect.succeed(text)
  let content: string
  try {
    content = Fs.readFileSync(text, "utf8")
  } catch {
    return fail(`--payload ${JSON.stringify(text)} is neither JSON nor a file that can be read`)
  }
  return isJson(content) ? Effect.succeed(content) : fail(`the payload file ${text} does not hold JSON`)
}

/** A folder alone keeps its switches; several places are taken file by file. */
const extensionsOf = (paths: ReadonlyArray<string>) => {
  const [only] = paths
  const isDirectory = (path: string) => Fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  if (only !== undefined && paths.length === 1 && isDirectory(only)) return { directory: only }
  return paths.flatMap((path) =>
    isDirectory(path)
      ? Fs.readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
          entry.isDirectory() ? [] : [NodePath.join(path, entry.name)]
        )
      : [path]
  )
}

const extensionNames = (extensions: Emulator.Options["extensions"]): ReadonlyArray<string> => {
  if (extensions === undefined || "opt" in extensions) return []
  if ("directory" in extensions) return Fs.readdirSync(extensions.directory)
  return extensions.map((extension) => (typeof extension === "string" ? NodePath.basename(extension) : extension.slot))
}

const functionOf = (input: Input) => {
  if (Option.isSome(input.function) && Option.isSome(input.bootstrap)) {
    return fail("give --function (a file with a handler) or --bootstrap (a program), not both")
  }
  if (Option.isSome(input.function)) return Effect.succeed({ handler: input.function.value })
  if (Option.isSome(input.bootstrap)) {
    return Effect.succeed({ command: [NodePath.resolve(input.bootstrap.value)] } as const)
  }
  return fail("give the function: --function FILE (a file with a handler) or --bootstrap FILE (a program)")
}

type Style = Parameters<typeof styleText>[0]

const styleOf = (entry: Journal.JournalEntry): Style | undefined => {
  switch (entry._tag) {
    case "LaunchFailed":
    case "Fatal":
    case "ApiRefused":
      return "red"
    case "ProcessExited":
      // SIGTERM is how the runtime's life usually ends.
      return entry.source === "runtime" || (entry.status._tag === "Code" && entry.status.code === 0) ? undefined : "red"
    case "InvocationDone":
    case "InitEnded":
      return entry.status === "success" ? "green" : "red"
    case "EventDelivered":
      return entry.lost ? "red" : "cyan"
    case "InitStarted":
    case "InvocationStarted":
    case "ShutdownStarted":
      return "bold"
    case "FaultInjected":
      return "yellow"
    case "Output":
      return "dim"
    default:
      return undefined
  }
}

/** Colours where the output is a terminal and NO_COLOR is not set: `styleText` looks at both. */
const paint = (style: Style | undefined, text: string): string =>
  style === undefined ? text : styleText(style, text, { stream: process.stdout })

const print = (line: string) =>
  Effect.sync(() => {
    process.stdout.write(`${line}\n`)
  })

/** Completes with the first SIGINT or SIGTERM; the second one ends the program at once. */
const interrupted = Effect.gen(function* () {
  const signal = yield* Deferred.make<string>()
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const onSignal = (name: NodeJS.Signals) => {
        if (Deferred.isDoneUnsafe(signal)) process.exit(130)
        Deferred.doneUnsafe(signal, Exit.succeed(name))
      }
      process.on("SIGINT", onSignal).on("SIGTERM", onSignal)
      return onSignal
    }),
    (onSignal) => Effect.sync(() => process.off("SIGINT", onSignal).off("SIGTERM", onSignal))
  )
  return signal
})

const explain = (error: EmulatorError) => fail(error.message)

const invokeAll = Effect.fnUntraced(function* (emulator: Emulator.Emulator["Service"], count: number, payload: string) {
  for (let number = 1; number <= count; number++) {
    const { requestId } = yield* emulator.invoke(payload)
    yield* emulator.journal.waitFor(
      Journal.is("InvocationDone", (done) => done.requestId === requestId),
      "16 minutes"
    )
  }
})

const run = Effect.fnUntraced(function* (input: Input) {
  const payload = yield* readPayload(input.payload)
  const listen = yield* Option.match(input.listen, {
    onSome: (text) => Effect.asSome(parseListen(text)),
    onNone: () => (Option.isNone(input.invocations) ? Effect.asSome(parseListen(defaultListen)) : Effect.succeedNone)
  })
  const options: Emulator.Options = {
    extensions: extensionsOf(input.extensions),
    function: yield* functionOf(input),
    profile: input.profile,
    timeout: input.timeout * 1000,
    memorySize: input.memory,
    freeze: input.freeze,
    faults: yield* Effect.catch(
      Effect.forEach(input.faults, (text) => Effect.fromResult(Fault.parse(text))),
      explain
    ),
    seed: input.seed,
    ...(Option.isSome(listen) ? { invokeListen: listen.value } : undefined)
  }
  const signal = yield* interrupted
  const journalFile = yield* Option.match(input.journal, {
    onNone: () => Effect.succeedNone,
    onSome: (path) =>
      Effect.try({
        try: () => Option.some(Fs.openSync(path, "w")),
        catch: () => new CliError.UserError({ cause: `the journal file ${path} cannot be written` })
      })
  })
  // Released before the summary, so that the journal is complete by then.
  const environment = yield* Scope.fork(yield* Effect.scope)
  const emulator = yield* Emulator.make(options).pipe(Scope.provide(environment), Effect.catch(explain))

  const summary = Summary.make()
  const timeline = Timeline.make({ names: extensionNames(options.extensions) })
  const logLines = CloudWatchLines.make({ memorySize: input.memory, functionVersion: "$LATEST" })
  const show = (entry: Journal.JournalEntry): ReadonlyArray<string> => {
    if (input.json) return [JSON.stringify(entry)]
    if (input.logs) return logLines(entry)
    return [paint(styleOf(entry), timeline.render(entry))]
  }
  if (!input.json && !input.logs) yield* print(paint("bold", timeline.header))
  const printed = yield* Effect.forkChild(
    Stream.runForEach(emulator.journal.stream, (entry) => {
      summary.add(entry)
      if (Option.isSome(journalFile)) Fs.writeSync(journalFile.value, `${JSON.stringify(entry)}\n`)
      const lines = show(entry)
      return lines.length === 0 ? Effect.void : print(lines.join("\n"))
    })
  )
  if (emulator.invokeEndpoint !== undefined && !input.json && !input.logs) {
    yield* print(`invokes over HTTP: curl -d '{}' ${emulator.invokeEndpoint}/2015-03-31/functions/function/invocations`)
  }

  const work = Option.match(input.invocations, {
    onNone: () => Effect.never,
    onSome: (count) => Effect.catch(invokeAll(emulator, count, payload), explain)
  })
  yield* Effect.raceFirst(work, Deferred.await(signal))
  yield* emulator.shutdown()
  yield* Scope.close(environment, Exit.void)
  yield* Fiber.join(printed)

  const result = summary.result()
  if (input.json) yield* print(JSON.stringify({ _tag: "Summary", ...result }))
  else yield* print(Summary.render(result))
  if (result.problems.length > 0) process.exitCode = 1
}, Effect.scoped)

export const emulate = Command.make("emulate", flags, run).pipe(
  Command.withDescription(
    "Runs extensions and a function as Lambda would, and shows what happens.\n\n" +
      "The exit code is 0 only if no extension crashed or overran.\n\n" +
      `Faults:\n\n${Fault.help}`
  ),
  Command.withExamples([
    {
      command: "effect-lambda emulate --extensions dist/extensions --function src/handler.mjs --invocations 3",
      description: "Three invocations, then SHUTDOWN"
    },
    {
      command: "effect-lambda emulate -e my-extension.sh --bootstrap ./bootstrap --payload event.json --timeout 10",
      description: "Stay up; invoke with the AWS SDK or curl; end with Ctrl-C"
    },
    {
      command:
        "effect-lambda emulate -e my-extension.sh -f handler.mjs -n 5 --fault drop-parked-next@2 --fault slow:next=300ms",
      description: "What production does at its worst"
    },
    {
      command: "effect-lambda emulate -e my-extension.sh -f handler.py -n 1 --logs",
      description: "What CloudWatch would show"
    }
  ])
)
