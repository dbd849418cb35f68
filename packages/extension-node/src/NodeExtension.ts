/**
 * Runs an extension as a Node process: {@link layer} with everything
 * `Extension.run` needs, and {@link runMain}, the entry point.
 *
 * @since 0.1.0
 */
// The timers of runMain are plain timers of the process: they must fire whatever the Effect runtime does.
// @effect-diagnostics globalTimers:off
import * as Deadline from "@effect-lambda/extension/Deadline"
import * as Extension from "@effect-lambda/extension/Extension"
import * as ExtensionsApi from "@effect-lambda/extension/ExtensionsApi"
import { HostProcess, once } from "@effect-lambda/extension/HostProcess"
import * as LambdaEnvironment from "@effect-lambda/extension/LambdaEnvironment"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Runtime from "#runtime"
import * as lambdaClient from "./internal/lambda/lambdaClient.ts"
import { closingConnections } from "./internal/process/snapshot.ts"
import * as PreRegistration from "./PreRegistration.ts"

/**
 * The services that {@link layer} provides and {@link runMain} accepts.
 *
 * @category models
 * @since 0.1.0
 */
export type Services = ExtensionsApi.ExtensionsApi | LambdaEnvironment.LambdaEnvironment

/**
 * The Extensions API over our own transport, and the environment of this process. The layer closes over the transport:
 * an `HttpClient` of the user (with retries, tracing, a proxy) never carries the Extensions API.
 *
 * With SnapStart `FetchHttpClient` keeps no connection until the first event:
 * the connection would be dead after the restore.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Services, LambdaEnvironment.LambdaEnvironmentError> = Layer.suspend(() => {
  const { connection, ...identity } = PreRegistration.take(process.env, process.argv[1] ?? "")
  const services = Layer.merge(ExtensionsApi.layer, lambdaClient.share).pipe(
    Layer.provide(Runtime.lambdaClient(connection)),
    Layer.provideMerge(
      LambdaEnvironment.layer({ ...identity, variables: process.env, isTrial: PreRegistration.isTrial(process.env) })
    )
  )
  return Layer.provideMerge(closingConnections, services)
})

/**
 * Turns a failure before the first call to Lambda into a failed init. Otherwise the failure would take the user's
 * function down: the process of a registered extension would end, or init would wait for an extension that never
 * registers.
 */
const failingInInit = <A, E>(effect: Effect.Effect<A, E, Services>, onInitFailure: RunMainOptions["onInitFailure"]) =>
  Effect.gen(function* () {
    const api = yield* ExtensionsApi.ExtensionsApi
    let hasCalled = false
    const noting =
      <Arguments extends ReadonlyArray<unknown>, Result>(call: (...args: Arguments) => Result) =>
      (...args: Arguments) => {
        hasCalled = true
        return call(...args)
      }
    if (PreRegistration.isTrial(process.env) && onInitFailure === "exit") {
      yield* Effect.logInfo("trial run: a failure before the extension begins has the consequence exit").pipe(
        Effect.annotateLogs({ "event.name": "lambda_extension.described", onInitFailure })
      )
    }
    return yield* effect.pipe(
      Effect.provideService(ExtensionsApi.ExtensionsApi, {
        register: noting(api.register),
        nextEvent: noting(api.nextEvent),
        initError: noting(api.initError),
        exitError: noting(api.exitError)
      }),
      Effect.catchCause((cause): Effect.Effect<void, E | Extension.RunFailure, Services> =>
        hasCalled
          ? Effect.failCause(cause)
          : // `effect-lambda build` knows by the annotation that the program did not choose INVOKE and SHUTDOWN itself.
            Effect.logWarning(
              "the program failed before Extension.run or Extension.events; the events that it needs are not known"
            ).pipe(
              Effect.annotateLogs("event.name", "lambda_extension.events_unknown"),
              Effect.andThen(Extension.run({ onInitFailure, layer: Layer.effectDiscard(Effect.failCause(cause)) }))
            )
      )
    )
  })

// How long a reader of the log that does not read holds the end of the process.
const longestWriteMillis = 1000

/**
 * The options of {@link runMain}.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunMainOptions {
  /**
   * The consequence of a failure before the first call to Lambda, such as that of a `Config` that is read outside of
   * `Extension.run`. The options of `Extension.run` do not cover such a failure. Default: `"idle"`.
   */
  readonly onInitFailure?: "idle" | "exit" | undefined
}

/**
 * Runs an extension as the process's main program and ends the process.
 *
 * - exit code 0 after SHUTDOWN, 1 after a failure, 143 or 130 after SIGTERM or
 *   SIGINT, which end the extension as SHUTDOWN does
 * - from SHUTDOWN (or the signal) on, a plain timer ends the process 100 ms
 *   before the deadline, whatever still runs; after a reported failure, in two
 *   seconds
 * - logs are JSON on stdout, one line each, annotated with the name of the
 *   extension, and with the request id while an invocation is handled
 * - a failure before the first call to Lambda is a failed init: it is logged, and
 *   the function goes on without this extension, unless the options say
 *   otherwise
 * - an uncaught exception or unhandled rejection is logged and survived: the
 *   exit would crash the user's function. A call of `process.exit` is logged
 *
 * **Example** (The main file of an extension)
 *
 * ```ts
 * import { Extension } from "@effect-lambda/extension"
 * import { NodeExtension } from "@effect-lambda/extension-node"
 * import * as Effect from "effect/Effect"
 *
 * const extension = Extension.run({
 *   onInvoke: (event) => Effect.log(`invoke ${event.requestId}`)
 * })
 *
 * export const main = () => NodeExtension.runMain(extension)
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const runMain: {
  (options: RunMainOptions): <A, E>(effect: Effect.Effect<A, E, Services>) => void
  <A, E>(effect: Effect.Effect<A, E, Services>, options?: RunMainOptions): void
} = dual(
  (args) => Effect.isEffect(args[0]),
  <A, E>(effect: Effect.Effect<A, E, Services>, { onInitFailure }: RunMainOptions = {}): void => {
    const terminated = Deferred.makeUnsafe<string>()
    // The code of the signal, after a signal has come.
    let exitCode = 0
    let isShuttingDown = false
    let isOver = false
    const exit = (code: number) => {
      isOver = true
      process.exit(exitCode === 0 ? code : exitCode)
    }
    const exitIn = (millis: number, code: number) => void setTimeout(exit, millis, code)

    // The lines of the function and of all its extensions are in the same log group.
    const name = PreRegistration.extensionName(process.env, process.argv[1] ?? "")
    const withLogs = <B, E2>(effect: Effect.Effect<B, E2>) =>
      effect.pipe(Effect.annotateLogs("extension", name), Effect.provide(loggers))
    const print = (line: Effect.Effect<void>) => Effect.runFork(withLogs(line))
    Runtime.watchProcess({
      signal: (signal, code) => {
        const isSecond = exitCode !== 0
        exitCode = code
        if (isSecond) exit(code)
        Deferred.doneUnsafe(terminated, Exit.succeed(signal))
        exitIn(Duration.toMillis(Deadline.defaultShutdown) - Duration.toMillis(Deadline.lastResort), code)
      },
      exception: (error) => print(Effect.logError("an uncaught exception; the extension goes on", Cause.die(error))),
      rejection: (reason) => print(Effect.logError("an unhandled rejection; the extension goes on", Cause.die(reason))),
      // A handler or a library called `process.exit`. Without this line the log would not say which.
      exit: (code) => {
        if (isOver || PreRegistration.hasLoadFailed(process.env)) return
        const call = Cause.die(new Error(`process.exit(${code})`))
        print(
          isShuttingDown
            ? Effect.logWarning(
                "process.exit was called during the shutdown: the rest of the shutdown does not run",
                call
              )
            : Effect.logError("process.exit was called before SHUTDOWN", call)
        )
      }
    })

    const program = failingInInit(effect, onInitFailure).pipe(
      Effect.provide(layer),
      Effect.provideService(HostProcess, {
        begin: once(),
        termination: Deferred.await(terminated),
        exitAt: (epochMillis, code) =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            isShuttingDown ||= code === 0
            exitIn(epochMillis - now, code)
          })
      }),
      Effect.tapCause((cause) => {
        const error = Cause.squash(cause)
        const message = error instanceof Error ? error.message || error.name : String(error)
        return Effect.logFatal(`the extension ends: ${message}`, cause)
      }),
      withLogs
    )
    // While a fiber waits for another fiber, nothing else may keep the event loop alive.
    setInterval(() => {}, 2 ** 30)
    Effect.runFork(program).addObserver((result) => {
      const code = Exit.isSuccess(result) ? 0 : 1
      exitIn(longestWriteMillis, code)
      // Then exits at once: a socket or timer that the user forgot must not hold the environment until it is killed.
      Runtime.whenWritten(() => exit(code))
    })
  }
)

/** A value whose getter or `toJSON` throws costs only its line; as a defect it would idle the extension. */
const consoleJson = Logger.withConsoleLog(
  Logger.make<unknown, string>((line) => {
    try {
      return Logger.formatJson.log(line)
    } catch {
      // The annotations are left out, since they may be what throws.
      return JSON.stringify({
        message: "a log line holds a value that cannot be printed",
        level: line.logLevel.toUpperCase(),
        timestamp: line.date.toISOString()
      })
    }
  })
)

const loggers = Logger.layer([consoleJson])
