/**
 * The program runs once under the emulator before it is packed: one that throws at its start or never registers is found
 * here, what it registers for is what the stub will register for, and V8 has compiled by then what the start needs.
 */
import * as Journal from "@effect-lambda/emulator/Journal"
import * as LogLine from "@effect-lambda/emulator/LogLine"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import * as UserError from "../UserError.ts"
import { execute } from "./Execute.ts"
import * as Loader from "./Loader.ts"
import * as NoNetwork from "./NoNetwork.ts"
import type { Positions } from "./SourceMap.ts"
import { type EventType, quote } from "./Stub.ts"
import type * as TrialProcess from "./TrialProcess.ts"
import * as Write from "./Write.ts"

/** A Node, or what runs a Node of another architecture and that Node. */
export type NodeCommand = readonly [string, ...ReadonlyArray<string>]

/** A bundle for the loader, or one executable file. */
export type Program = { readonly bundle: string; readonly node: NodeCommand } | { readonly executable: Uint8Array }

export interface Options {
  readonly name: string
  readonly program: Program
  /** Variables of the function, as a user of the layer sets them. */
  readonly env: Readonly<Record<string, string>>
  /** Where what the program prints is in its sources. */
  readonly positions?: Positions | undefined
  /** For init, and for an invocation; default: what Lambda gives init, 10 seconds. */
  readonly limitMillis?: number
  /** What takes the network away from a command; default: what this machine permits. */
  readonly isolation?: ReadonlyArray<string>
}

export interface TrialRun {
  /** What the program registers for; `undefined` where it failed before it could. */
  readonly events: ReadonlyArray<EventType> | undefined
  /** What V8 compiled; without one the program did not end at SHUTDOWN by itself. */
  readonly codeCache: Uint8Array | undefined
  /** That it reported an error in init, the errors in its log, what it abandoned, and that it did not end. */
  readonly errors: ReadonlyArray<string>
}

const cacheOfFailure =
  "the code cache holds what ran until init failed, and no more: the layer starts slower than it could"

/** By the line of `Extension.run`: such an extension idles, so init is a success for Lambda. */
const isInitialised = (entries: ReadonlyArray<Journal.JournalEntry>): boolean =>
  !entries.some(
    Journal.is(
      "Output",
      ({ line, source }) => source !== "runtime" && LogLine.read(line)?.text.startsWith("init failed") === true
    )
  )

const handler = "export const handler = async (event) => (console.log(JSON.stringify(event)), event)\n"

const writeProgram = (folder: string, { name, program }: Options): NodeCommand => {
  const file = NodePath.join(folder, "opt", name, "index.cjs")
  Fs.mkdirSync(NodePath.dirname(file))
  if ("executable" in program) {
    const executable = NodePath.join(NodePath.dirname(file), name)
    Fs.writeFileSync(executable, program.executable, { mode: 0o755 })
    return [executable]
  }
  const loader = { name, minimumNode: Loader.minimumNode, recordCodeCache: NodePath.join(folder, "cache") }
  Fs.writeFileSync(file, Loader.render(loader))
  Fs.writeFileSync(NodePath.join(NodePath.dirname(file), "bundle.cjs"), program.bundle)
  return [...program.node, file]
}

/** The layer without a stub. The name is handed over, since the file that Node runs is called index.cjs. */
const writeLayer = (folder: string, options: Options): void => {
  const entry = NodePath.join(folder, "opt/extensions", options.name)
  Fs.mkdirSync(NodePath.dirname(entry), { recursive: true })
  Fs.writeFileSync(NodePath.join(folder, "handler.mjs"), handler)
  const command = writeProgram(folder, options).map(quote).join(" ")
  const name = quote(options.name)
  Fs.writeFileSync(
    entry,
    `#!/bin/sh\nunset NODE_OPTIONS\nexport EFFECT_LAMBDA_EXTENSION_NAME=${name}\nexec ${command}\n`,
    { mode: 0o755 }
  )
}

/** `Extension.run` gives up what is not done in time, and goes on: a warning in its log, a surprise in Lambda. */
const isAbandoned = ({ level, text }: LogLine.LogLine): boolean => level === "WARN" && / is abandoned\b/.test(text)

/** `NodeExtension.runMain` registers for INVOKE and SHUTDOWN in the place of a program that fails too early. */
const isTooEarly = Journal.is(
  "Output",
  ({ line, source }) =>
    source !== "runtime" && LogLine.read(line)?.text.startsWith("the program failed before Extension.run") === true
)

const requestIds = /[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g

/** Each error once, whatever the invocation it was in. */
const errorsIn = (entries: ReadonlyArray<Journal.JournalEntry>, positions?: Positions): ReadonlyArray<string> => {
  const errors = entries.filter(Journal.is("Output", ({ source }) => source !== "runtime")).flatMap(({ line }) => {
    const log = LogLine.read(line)
    if (log === undefined || !(LogLine.isError(log) || isAbandoned(log))) return []
    const place = positions?.own(line)
    return place === undefined ? log.text : `${log.text} (${place})`
  })
  return [...Map.groupBy(errors, (text) => text.replaceAll(requestIds, "")).values()].flatMap(([first]) => first ?? [])
}

/** Where a program that needs variables gets them in its trial run. */
const envAdvice = "variables that the program needs are given by --env KEY=VALUE"

/** What is told of a trial run that a layer can be made of all the same; `undefined`: nothing. */
export const noteOf = ({ errors }: TrialRun): string | undefined =>
  errors.length === 0 ? undefined : [`what went wrong in the trial run; ${envAdvice}`, ...errors].join("\n")

/** What went wrong, by the journal, and what the program printed. */
const explain = (entries: ReadonlyArray<Journal.JournalEntry>, positions?: Positions): string => {
  const extension = entries.filter((entry) => !("source" in entry) || entry.source !== "runtime")
  const refused = extension.find(Journal.is("ApiRefused"))
  const exited = extension.find(Journal.is("ProcessExited"))
  const isRegistered = extension.some(Journal.is("Registered"))
  const state = isRegistered ? "after it had registered" : "before it registered"
  const output = extension
    .filter(Journal.is("Output"))
    .slice(-30)
    .map(({ line }) => `  ${positions?.restore(line) ?? line}`)
  const failed = extension.find(Journal.is("LaunchFailed"))
  // Nothing was missing for a program that ends well and has nothing to say: it has nothing to do.
  const isEmpty = exited?.status._tag === "Code" && exited.status.code === 0 && output.length === 0
  const how =
    exited?.status._tag === "Code"
      ? `it ended with exit code ${exited.status.code} ${state}`
      : isRegistered
        ? "it registered but did not ask for the next event in time"
        : "it did not register in time"
  return [
    failed === undefined ? how : `it could not be started: ${failed.message}`,
    ...(refused === undefined ? [] : [`Lambda refused its ${refused.path}: ${refused.errorType}, ${refused.message}`]),
    ...(output.length === 0 ? ["it printed nothing"] : ["it printed:", ...output]),
    ...(isEmpty ? [] : [envAdvice])
  ].join("\n")
}

/** Where the program of the trial lies: beside this file, as source or compiled. */
const trialProcess = fileURLToPath(new URL(`./TrialProcess${NodePath.extname(import.meta.url)}`, import.meta.url))

const start = Effect.fnUntraced(function* (folder: string, options: Options, limitMillis: number) {
  const isolated = options.isolation ?? (yield* NoNetwork.prefix)
  const proxies = isolated.length > 0 ? {} : NoNetwork.closedProxies
  const request: TrialProcess.Request = { env: { ...options.env, ...proxies }, limitMillis }
  yield* Write.attempt(folder, () => Fs.writeFileSync(NodePath.join(folder, "request.json"), JSON.stringify(request)))
  const [file = process.execPath, ...args] = [...isolated, process.execPath, trialProcess, folder]
  // It ends by itself: init, a slow invocation and SHUTDOWN have their limits.
  yield* execute(file, args, { timeoutMillis: 4 * limitMillis + 30_000 }).pipe(
    Effect.catchTag("ExecuteError", ({ message, output }) =>
      UserError.fail(`the trial run failed: ${message}: ${output}`)
    )
  )
  const answer: TrialProcess.Answer = JSON.parse(Fs.readFileSync(NodePath.join(folder, "answer.json"), "utf8"))
  return answer.problem === undefined ? answer : yield* UserError.fail(`the trial run failed: ${answer.problem}`)
})

const runIn = Effect.fnUntraced(function* (folder: string, options: Options) {
  yield* Write.attempt(folder, () => writeLayer(folder, options))
  const { entries, failed, initStatus } = yield* start(folder, options, options.limitMillis ?? 10_000)
  const fail = (what: string) =>
    UserError.fail(`${what} in its trial run under the emulator: ${explain(entries, options.positions)}`)
  const isStarted = initStatus === "success"
  const reported = entries.find(
    Journal.is("ErrorReported", ({ route, source }) => source !== "runtime" && route === "init/error")
  )
  // To end where its backend cannot be reached may be its design, and the backend is not here.
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
  const trial: TrialRun = {
    events: entries.some(isTooEarly) ? undefined : events,
    codeCache,
    errors: [
      ...(isStarted || reported === undefined
        ? []
        : [`it registered, reported ${reported.errorType} to init/error, and ran no further`]),
      ...(codeCache !== undefined && !isInitialised(entries) ? [cacheOfFailure] : []),
      ...errorsIn(entries, options.positions),
      ...(wasKilled && events.includes("SHUTDOWN") ? ["it did not end within 2 seconds after SHUTDOWN"] : [])
    ]
  }
  return trial
})

/** Runs the bundle as an extension beside a function: init, some invocations, SHUTDOWN. No real backend is reached. */
export const run = (options: Options) =>
  Write.temporaryFolder("effect-lambda-").pipe(
    Effect.flatMap((folder) => runIn(folder, options)),
    Effect.scoped
  )

/** The Node that runs this program. */
export const ownNode: NodeCommand = [process.execPath]
