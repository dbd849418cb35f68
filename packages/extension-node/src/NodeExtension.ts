/**
 * Runs an extension as a Node process: {@link layer} with everything
 * `Extension.run` needs, and {@link runMain}, the entry point.
 *
 * @since 0.1.0
 */
// The timers of runMain are the process's own: they must fire whatever the Effect runtime does.
// @effect-diagnostics globalTimers:off
import * as Deadline from "@effect-lambda/extension/Deadline"
import * as ExtensionsApi from "@effect-lambda/extension/ExtensionsApi"
import { HostProcess } from "@effect-lambda/extension/HostProcess"
import * as LambdaEnvironment from "@effect-lambda/extension/LambdaEnvironment"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as BunHttpClient from "./BunHttpClient.ts"
import * as LambdaHttpClient from "./LambdaHttpClient.ts"
import * as PreRegistration from "./PreRegistration.ts"

/**
 * What {@link layer} provides and {@link runMain} accepts.
 *
 * @category models
 * @since 0.1.0
 */
export type Services = ExtensionsApi.ExtensionsApi | LambdaEnvironment.LambdaEnvironment

const httpClient = (connection: LambdaHttpClient.InheritedConnection | undefined) =>
  connection === undefined ? LambdaHttpClient.layer : LambdaHttpClient.layerInheriting(connection)

/**
 * The Extensions API over our own transport, and the environment of this
 * process. The transport is closed in: an `HttpClient` of the user (with
 * retries, tracing, a proxy) never reaches the Extensions API.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Services, LambdaEnvironment.LambdaEnvironmentError> = Layer.suspend(() => {
  const { connection, ...identity } = PreRegistration.take(process.env, process.argv[1] ?? "")
  return ExtensionsApi.layer.pipe(
    // A bundler that knows the runtime leaves the other transport out.
    Layer.provide(process.versions.bun === undefined ? httpClient(connection) : BunHttpClient.layer),
    Layer.provideMerge(LambdaEnvironment.layer({ ...identity, variables: process.env }))
  )
})

const signals = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * Runs an extension as the process's main program and ends the process.
 *
 * - exit code 0 after SHUTDOWN, 1 after a failure, 143 or 130 after SIGTERM or
 *   SIGINT, which end the extension as SHUTDOWN does
 * - from SHUTDOWN (or the signal) on, a plain timer ends the process 100 ms
 *   before the deadline, whatever still runs; after a reported failure, in two
 *   seconds
 * - logs are JSON on stdout, one line each
 * - an exception or rejection that nobody caught is logged and survived: the
 *   exit would crash the user's function
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
export const runMain = <A, E>(effect: Effect.Effect<A, E, Services>): void => {
  const terminated = Deferred.makeUnsafe<string>()
  // Of the signal, once there was one.
  let exitCode = 0
  // Unref: it must not keep a process alive that is done already.
  const exitIn = (millis: number, code: number) =>
    void setTimeout(() => process.exit(exitCode === 0 ? code : exitCode), millis).unref()

  for (const [signal, code] of Object.entries(signals)) {
    process.on(signal, () => {
      if (exitCode !== 0) process.exit(code)
      exitCode = code
      Deferred.doneUnsafe(terminated, Exit.succeed(signal))
      exitIn(Duration.toMillis(Deadline.defaultShutdown) - Duration.toMillis(Deadline.lastResort), code)
    })
  }

  const log = (message: string, defect: unknown) =>
    Effect.runFork(Effect.provide(Effect.logError(message, Cause.die(defect)), loggers))
  process.on("uncaughtException", (error) => log("an exception that nobody caught; going on", error))
  process.on("unhandledRejection", (reason) => log("a rejection that nobody handled; going on", reason))

  const main = effect.pipe(
    Effect.provide(layer),
    Effect.provideService(HostProcess, {
      termination: Deferred.await(terminated),
      exitAt: (epochMillis, code) => Effect.map(Clock.currentTimeMillis, (now) => exitIn(epochMillis - now, code))
    }),
    Effect.tapCause((cause) => {
      const error = Cause.squash(cause)
      return Effect.logFatal(error instanceof Error ? error.message : String(error), cause)
    }),
    Effect.provide(loggers)
  )
  // Nothing else may hold the event loop while a fiber waits for another one.
  const keepAlive = setInterval(() => {}, 2 ** 30)
  Effect.runFork(main).addObserver((exit) => {
    clearInterval(keepAlive)
    // At once: a socket or timer that the user forgot must not hold the environment until it is killed.
    process.exit(exitCode !== 0 ? exitCode : Exit.isSuccess(exit) ? 0 : 1)
  })
}

const loggers = Logger.layer([Logger.consoleJson])
