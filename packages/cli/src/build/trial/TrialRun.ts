/**
 * Runs the program once under the emulator before it is packed. A program that throws at its start or never registers is
 * found here. The stub will register for the events of this run, and the code cache holds what V8 has compiled in it.
 */
import * as Journal from "@effect-lambda/emulator/Journal"
import * as LogLine from "@effect-lambda/emulator/LogLine"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import * as LayerFiles from "../../layer/LayerFiles.ts"
import { minimumNode } from "../../layer/LayerLimits.ts"
import type { Positions } from "../../layer/SourceMap.ts"
import * as Disk from "../../shared/Disk.ts"
import { execute } from "../../shared/Execute.ts"
import * as LogEvent from "../../shared/LogEvent.ts"
import { quote } from "../../shared/Shell.ts"
import * as UserError from "../../shared/UserError.ts"
import * as Loader from "../entry/Loader.ts"
import * as Stub from "../entry/Stub.ts"
import * as EagerStart from "./EagerStart.ts"
import * as NoNetwork from "./NoNetwork.ts"
import type * as Trial from "./Trial.ts"

/** A Node, or the program that runs a Node of another architecture with that Node behind it. */
export type NodeCommand = readonly [string, ...ReadonlyArray<string>]

/** The program as files of the layer, and the LLRT that starts `<name>/index.mjs`. */
export interface LlrtProgram {
  readonly llrt: string
  readonly files: ReadonlyArray<LayerFiles.LayerFile>
}

/** A bundle for the loader, one executable file, or the files for LLRT. */
export type Program =
  | { readonly bundle: string; readonly node: NodeCommand }
  | { readonly executable: Uint8Array }
  | LlrtProgram

export interface Options {
  readonly name: string
  readonly program: Program
  /** The variables of the function, as a user of the layer sets them. */
  readonly env: Readonly<Record<string, string>>
  /** Finds the places in the sources for positions that the program prints. */
  readonly positions?: Positions | undefined
  /** The time limit of init and of an invocation, in milliseconds. Default: 10 seconds, which Lambda gives init. */
  readonly limitMillis?: number
  /** The words before a command that take its network away. Default: those that this machine permits. */
  readonly isolation?: ReadonlyArray<string>
}

export interface TrialRun {
  /** The events that the program registers for; `undefined` if it failed before it could register. */
  readonly events: ReadonlyArray<Stub.EventType> | undefined
  /** The code that V8 compiled; `undefined` if the program did not end at SHUTDOWN by itself. */
  readonly codeCache: Uint8Array | undefined
  /** Whether init failed: the code cache holds what ran until then, and no more. */
  readonly hasFailedInit: boolean
  readonly eager: EagerStart.EagerStart
  /** Sentences for an error reported in init, errors in the log, abandoned work, and an end that did not come. */
  readonly errors: ReadonlyArray<string>
}

const handler = "export const handler = async (event) => (console.log(JSON.stringify(event)), event)\n"

const writeProgram = (folder: string, { name, program }: Options): NodeCommand => {
  if ("llrt" in program) {
    LayerFiles.writeFiles(NodePath.join(folder, "opt"), program.files)
    return [program.llrt, NodePath.join(folder, "opt", name, "index.mjs")]
  }
  const file = NodePath.join(folder, "opt", name, "index.cjs")
  Fs.mkdirSync(NodePath.dirname(file))
  if ("executable" in program) {
    const executable = NodePath.join(NodePath.dirname(file), name)
    Fs.writeFileSync(executable, program.executable, { mode: 0o755 })
    return [executable]
  }
  const loader = { name, minimumNode, recordCodeCache: NodePath.join(folder, "cache") }
  Fs.writeFileSync(file, Loader.render(loader))
  Fs.writeFileSync(NodePath.join(NodePath.dirname(file), "bundle.cjs"), program.bundle)
  return [...program.node, file]
}

/** Writes the layer without a stub. A variable holds the name, since the file that Node runs is called index.cjs. */
const writeLayer = (folder: string, options: Options): void => {
  const entry = NodePath.join(folder, "opt/extensions", options.name)
  Fs.mkdirSync(NodePath.dirname(entry), { recursive: true })
  Fs.writeFileSync(NodePath.join(folder, "handler.mjs"), handler)
  const command = writeProgram(folder, options).map(quote).join(" ")
  const name = quote(options.name)
  const settings = "llrt" in options.program ? `set -- ${name}${Stub.llrtSettings}\n` : ""
  Fs.writeFileSync(
    entry,
    `#!/bin/sh\nunset NODE_OPTIONS\nexport EFFECT_LAMBDA_EXTENSION_NAME=${name}\n${settings}exec ${command}\n`,
    { mode: 0o755 }
  )
}

const requestIds = /[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g

/** A line of the log of the extension, with the event that the library has marked it with. */
interface Logged {
  readonly line: string
  readonly log: LogLine.LogLine
  readonly event: LogEvent.LogEvent | undefined
}

const logOf = (entries: ReadonlyArray<Journal.JournalEntry>): ReadonlyArray<Logged> =>
  entries.filter(Journal.is("Output", ({ source }) => source !== "runtime")).flatMap(({ line }) => {
    const log = LogLine.read(line)
    return log === undefined ? [] : { line, log, event: LogEvent.of(log) }
  })

/** Such an extension idles, and Lambda takes init for a success. */
const hasFailedInit = ({ event }: Logged): boolean =>
  event?.["event.name"] === "lambda_extension.idle" && event.phase === "init"

/** Work that is abandoned after its time is only a warning, but in Lambda a surprise. */
const isWrong = ({ event, log }: Logged): boolean =>
  LogLine.isError(log) || event?.["event.name"] === "lambda_extension.abandoned"

/** `NodeExtension.runMain` registers for INVOKE and SHUTDOWN for a program that failed early. */
const isTooEarly = ({ event }: Logged): boolean => event?.["event.name"] === "lambda_extension.events_unknown"

/** The errors in the log; an error that several invocations have counts once. */
const errorsIn = (log: ReadonlyArray<Logged>, positions?: Positions): ReadonlyArray<string> => {
  const errors = log.filter(isWrong).map(({ line, log }) => {
    const place = positions?.own(line)
    return place === undefined ? log.text : `${log.text} (${place})`
  })
  return [...Map.groupBy(errors, (text) => text.replaceAll(requestIds, "")).values()].flatMap(([first]) => first ?? [])
}

/** The advice for a program that needs variables in its trial run. */
const envAdvice = "if the program needs variables, give them by --env KEY=VALUE"

/** The note about a trial run that a layer can still be made of; `undefined` if nothing went wrong. */
export const noteOf = ({ errors }: TrialRun): string | undefined =>
  errors.length === 0 ? undefined : [`the trial run had errors; ${envAdvice}`, ...errors].join("\n")

/** Says what went wrong, by the journal, and what the program printed. */
const explain = (entries: ReadonlyArray<Journal.JournalEntry>, positions?: Positions): string => {
  const extension = entries.filter((entry) => !("source" in entry) || entry.source !== "runtime")
  const refused = extension.find(Journal.is("ApiRefused"))
  const exited = extension.find(Journal.is("ProcessExited"))
  const isRegistered = extension.some(Journal.is("Registered"))
  const state = isRegistered ? "after it had registered" : "before it registered"
  const output = extension
    .filter(Journal.is("Output", ({ line }) => !line.includes('"lambda_extension.described"')))
    .slice(-30)
    .map(({ line }) => `  ${positions?.restore(line) ?? line}`)
  const failed = extension.find(Journal.is("LaunchFailed"))
  // A program that exits with 0 and prints nothing missed no variable: it has nothing to do.
  const isEmpty = exited?.status._tag === "Code" && exited.status.code === 0 && output.length === 0
  const how =
    exited?.status._tag === "Code"
      ? `the program ended with exit code ${exited.status.code} ${state}`
      : isRegistered
        ? "the program registered but did not ask for the next event in time"
        : "the program did not register in time"
  return [
    failed === undefined ? how : `the program could not be started: ${failed.message}`,
    ...(refused === undefined ? [] : [`Lambda refused its ${refused.path}: ${refused.errorType}, ${refused.message}`]),
    ...(output.length === 0 ? ["the program printed nothing"] : ["the program printed:", ...output]),
    ...(isEmpty ? [] : [envAdvice])
  ].join("\n")
}

/** The path of the trial's program, which lies beside this file, as source or compiled. Tests start a bundle of it. */
export const TrialProcess = Context.Reference<string>("@effect-lambda/cli/TrialProcess", {
  defaultValue: () => fileURLToPath(new URL(`./TrialProcess${NodePath.extname(import.meta.url)}`, import.meta.url))
})

const start = Effect.fnUntraced(function* (folder: string, options: Options, limitMillis: number) {
  const isolated = options.isolation ?? (yield* NoNetwork.prefix)
  const proxies = isolated.length > 0 ? {} : NoNetwork.closedProxies
  const request: Trial.Request = { env: { ...options.env, ...proxies }, limitMillis }
  yield* Disk.attempt(folder, () => Fs.writeFileSync(NodePath.join(folder, "request.json"), JSON.stringify(request)))
  const [file = process.execPath, ...args] = [...isolated, process.execPath, yield* TrialProcess, folder]
  // The process ends by itself: init, a slow invocation and SHUTDOWN have their limits.
  yield* execute(file, args, { timeoutMillis: 4 * limitMillis + 30_000 }).pipe(
    Effect.catchTag("ExecuteError", ({ message, output }) =>
      UserError.fail(`the trial run failed: ${message}: ${output}`)
    )
  )
  const answer: Trial.Answer = JSON.parse(Fs.readFileSync(NodePath.join(folder, "answer.json"), "utf8"))
  return answer.problem === undefined ? answer : yield* UserError.fail(`the trial run failed: ${answer.problem}`)
})

const runIn = Effect.fnUntraced(function* (folder: string, options: Options) {
  yield* Disk.attempt(folder, () => writeLayer(folder, options))
  const { entries, failed, initStatus, listeners } = yield* start(folder, options, options.limitMillis ?? 10_000)
  const fail = (what: string) =>
    UserError.fail(`${what} in its trial run under the emulator: ${explain(entries, options.positions)}`)
  const isStarted = initStatus === "success"
  const reported = entries.find(
    Journal.is("ErrorReported", ({ route, source }) => source !== "runtime" && route === "init/error")
  )
  // A program may end by design if its backend cannot be reached, and the trial has no backend.
  if (!isStarted && reported === undefined) return yield* fail("the extension did not start")
  if (failed !== undefined) {
    return yield* fail(`the extension failed (${failed.status}) with invocation ${failed.invocation}`)
  }

  const events = entries.find(Journal.is("Registered"))?.events ?? []
  const wasKilled = entries.some(
    Journal.is("Killed", ({ signal, source }) => source !== "runtime" && signal === "SIGKILL")
  )
  const cache = NodePath.join(folder, "cache")
  const codeCache = Fs.existsSync(cache) ? Fs.readFileSync(cache) : undefined
  const log = logOf(entries)
  const isFailed = !isStarted || log.some(hasFailedInit)
  const trial: TrialRun = {
    events: log.some(isTooEarly) ? undefined : events,
    codeCache,
    hasFailedInit: isFailed,
    eager: EagerStart.of({
      name: options.name,
      entries,
      events: log.flatMap(({ event }) => event ?? []),
      listeners,
      hasFailedInit: isFailed
    }),
    errors: [
      ...(isStarted || reported === undefined
        ? []
        : [`the program registered, reported ${reported.errorType} to init/error, and ran no further`]),
      ...errorsIn(log, options.positions),
      ...(wasKilled && events.includes("SHUTDOWN") ? ["the program did not end within 2 seconds after SHUTDOWN"] : [])
    ]
  }
  return trial
})

/** Runs the bundle as an extension beside a function: init, some invocations, SHUTDOWN. No real backend is reached. */
export const run = (options: Options) =>
  Disk.temporaryFolder("effect-lambda-").pipe(
    Effect.flatMap((folder) => runIn(folder, options)),
    Effect.scoped
  )

/** The Node that runs this program. */
export const ownNode: NodeCommand = [process.execPath]
