/** The supervised stream of `Extension.events`: register, init, polls, and the report of a failure. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Deadline from "../../Deadline.ts"
import type { ExtensionsApiError } from "../../ExtensionError.ts"
import type { ExtensionEvent, ShutdownEvent } from "../../ExtensionEvent.ts"
import * as ExtensionMetrics from "../../ExtensionMetrics.ts"
import { ExtensionsApi } from "../../ExtensionsApi.ts"
import { aborted, type ExtensionAborted, logFailure, reportFailure } from "../../FailurePolicy.ts"
import { HostProcess } from "../../HostProcess.ts"
import { LambdaEnvironment } from "../../LambdaEnvironment.ts"
import { explainConfig } from "./explainConfig.ts"
import * as logEvent from "./logEvent.ts"
import type { EventsOptions } from "./options.ts"
import { poll, unannouncedShutdown } from "./poll.ts"
import { register } from "./register.ts"

// Lambda gives ten seconds to init; a layer that takes longer would take the function down with it.
const defaultInitTimeout = Duration.seconds(8)
// A failed stream has no deadline: the report and the finalizers get this long, and then the process ends.
const failedExitMillis = 2000

const sliceMillis = 100

/**
 * A time in which a freeze does not count. When the stub has polled, Lambda may freeze the process in the middle of its init,
 * and the timers of the whole freeze end at once after it.
 */
const awake = (millis: number) =>
  Effect.repeat(Effect.sleep(sliceMillis), { times: Math.ceil(millis / sliceMillis) - 1 })

const secondLife =
  "Extension.events (or run) began a second time in this process: the extension is registered, and its first life cannot be " +
  "resumed. Handle failures for each event, not with retry or catch around the stream"

/** The supervised stream behind `Extension.events`. */
export const supervise = <E, R1, R2, InitError>(
  options: EventsOptions<E, R1, R2, InitError>
): Stream.Stream<
  ExtensionEvent,
  ExtensionsApiError | ExtensionAborted | E,
  ExtensionsApi | LambdaEnvironment | R1 | R2
> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const api = yield* ExtensionsApi
      const host = yield* HostProcess
      const { isTrial } = yield* LambdaEnvironment
      const { onInitFailure = "idle" } = options
      if (isTrial === true) {
        yield* Effect.logInfo(`trial run: a failure of init has the consequence ${onInitFailure}`).pipe(
          logEvent.described({ onInitFailure })
        )
      }
      const startedAt = yield* Clock.currentTimeMillis
      const registration = yield* register({
        name: options.name,
        events: options.events ?? ["INVOKE", "SHUTDOWN"]
      })
      if (!(yield* host.begin)) return yield* Effect.die(new Error(secondLife))
      let hasPolled = registration.hasPolled === true
      let isOver = false
      let hasInit = true

      yield* Effect.addFinalizer((exit) => {
        if (isOver) return Effect.void
        if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) {
          return Effect.logWarning(
            "the stream of events was left before SHUTDOWN: if the process exits now, Lambda reports Extension.Crash"
          )
        }
        return reportFailure(exit.cause, hasPolled ? api.exitError : api.initError, registration).pipe(
          // A finalizer of the user that never ends must not hold an extension that neither polls nor exits.
          Effect.andThen(Clock.currentTimeMillis),
          Effect.flatMap((now) => host.exitAt(now + failedExitMillis, 1))
        )
      })

      // The first of these events ends the stream from outside. They are watched once and not with each pull: the two
      // seconds of a signal begin with the signal, and a race for each event would cost two fibers.
      let halt: Exit.Exit<ShutdownEvent, E> | undefined
      let polling: Fiber.Fiber<ExtensionEvent> | undefined
      const watch = <R>(effect: Effect.Effect<ShutdownEvent, E, R>) =>
        Effect.exit(effect).pipe(
          Effect.map((exit) => {
            halt ??= exit
            polling?.interruptUnsafe()
          }),
          Effect.forkScoped({ startImmediately: true })
        )
      yield* watch(Effect.flatMap(host.termination, unannouncedShutdown))
      if (options.failWhen !== undefined) yield* watch(options.failWhen)

      const { onRegistered } = options
      if (onRegistered !== undefined) {
        const timeout = Duration.toMillis(options.initTimeout ?? defaultInitTimeout)
        const spent = (yield* Clock.currentTimeMillis) - startedAt
        const built = Effect.suspend(() => onRegistered(registration))
        const exit = yield* registration.hasPolled === true
          ? Deadline.attempt(built, Infinity, Effect.raceFirst(awake(timeout), host.termination))
          : Deadline.attempt(built, Math.max(0, timeout - spent), host.termination)
        const failure: Cause.Cause<unknown> | undefined = Option.isNone(exit)
          ? Cause.fail(new Deadline.DeadlineExceeded({ budgetMillis: timeout }))
          : Exit.isFailure(exit.value)
            ? exit.value.cause
            : undefined
        // A signal during init is not a failure of init; the pull below ends the stream.
        if (failure !== undefined && halt === undefined) {
          const cause = yield* explainConfig(failure)
          yield* Metric.update(ExtensionMetrics.initFailures, 1)
          if (onInitFailure === "exit") {
            yield* logFailure("init failed; the extension exits", cause)
            return yield* aborted("init", cause)
          }
          yield* logFailure(
            "init failed; the extension idles from now on, and the function goes on without it",
            cause
          ).pipe(logEvent.idle("init"))
          hasInit = false
        }
      }

      const nextEvent = poll(api, registration)
      const next = Effect.suspend(() => {
        if (halt !== undefined) return halt
        hasPolled = true
        return Effect.flatMap(Effect.forkChild(nextEvent, { startImmediately: true }), (fiber) => {
          polling = fiber
          return Effect.flatMap(Fiber.await(fiber), (exit): Exit.Exit<ExtensionEvent, E> => halt ?? exit).pipe(
            Effect.onInterrupt(() => Fiber.interrupt(fiber))
          )
        })
      })
      const pull = Effect.tap(next, (event) => {
        if (event.eventType !== "SHUTDOWN") return Effect.void
        isOver = true
        return Effect.flatMap(Deadline.fromEvent(event), ({ epochMillis }) =>
          host.exitAt(epochMillis - Duration.toMillis(Deadline.lastResort), 0)
        )
      })
      const isShutdown = (event: ExtensionEvent) => event.eventType === "SHUTDOWN"
      const events = Stream.fromEffectRepeat(pull).pipe(Stream.takeUntil(isShutdown))
      // After a failed init nothing can handle any other event.
      return hasInit ? events : Stream.filter(events, isShutdown)
    })
  )
