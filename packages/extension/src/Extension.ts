/**
 * The life of an extension: {@link events}, the supervised stream, and
 * {@link run}, its fold over handlers.
 *
 * Two truths rule both. After register, exit is never safe: any exit before
 * SHUTDOWN, code 0 included, is `Extension.Crash` and fails the user's
 * function. And a poll is a promise: calling next says "I am done".
 * `docs/architecture.md` holds the policy as a table.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Background } from "./Background.ts"
import * as Deadline from "./Deadline.ts"
import type { ExtensionsApiError } from "./ExtensionError.ts"
import type { EventType, ExtensionEvent, InvokeEvent, ShutdownEvent, UnknownEvent } from "./ExtensionEvent.ts"
import { ExtensionsApi } from "./ExtensionsApi.ts"
import * as ExtensionMetrics from "./ExtensionMetrics.ts"
import { aborted, type ExtensionAborted, type FailurePolicy, logFailure, reportFailure } from "./FailurePolicy.ts"
import { HostProcess } from "./HostProcess.ts"
import { poll, unannouncedShutdown } from "./internal/poll.ts"
import { register } from "./internal/register.ts"
import type { LambdaEnvironment } from "./LambdaEnvironment.ts"
import type { Registration } from "./Registration.ts"

// Lambda gives ten seconds to init; a layer that takes longer would take the function down with it.
const defaultInitTimeout = Duration.seconds(8)
const defaultMargin = Duration.millis(200)
// The part of shutdown that a slow `onShutdown` cannot take from the finalizers.
const finalizerReserveMillis = 500
// Where a run fails there is no deadline: one second for the report, one for the finalizers, and then the process ends.
const releaseMillis = 1000
const failedExitMillis = 2000

/**
 * What `events` and `run` have in common.
 *
 * @category models
 * @since 0.1.0
 */
export interface CommonOptions {
  /** Default: the name of the environment, the base name of the executed file. */
  readonly name?: string | undefined
  /** Default: both. On managed instances INVOKE is left out, since Lambda refuses it there. */
  readonly events?: ReadonlyArray<EventType> | undefined
  /** What a failure between register and the first next does. Default: `"idle"`. */
  readonly onInitFailure?: "idle" | "exit" | undefined
  /**
   * When init counts as failed, measured from the start of the stream. Default: 8 seconds, of the 10 that Lambda gives
   * all of init.
   */
  readonly initTimeout?: Duration.Input | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface EventsOptions<E1, R1, E2, R2> extends CommonOptions {
  /** Runs between register and the first next: the place for slow initialisation, beside the function's own. */
  readonly onRegistered?: ((registration: Registration) => Effect.Effect<unknown, E1, R1>) | undefined
  /** Started once, beside the stream. When it fails the stream fails, a parked next included. */
  readonly failWhen?: Effect.Effect<never, E2, R2> | undefined
}

/**
 * The supervised stream of events. It registers (or adopts a registration made
 * before the process began), survives lost polls, reports its own failure and
 * its consumer's to Lambda (init/error before the first next, exit/error
 * after), and ends after SHUTDOWN, which is its last element.
 *
 * SHUTDOWN is also what a refused poll, SIGTERM and SIGINT look like; the
 * reasons are then `next-refused`, `SIGTERM` and `SIGINT`.
 *
 * One pull is one next, so use only operators that pull one element at a time
 * (see `ExtensionsApi.events`).
 *
 * **Example** (Counting invocations)
 *
 * ```ts
 * import { Extension } from "@effect-lambda/extension"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * export const count = Extension.events().pipe(
 *   Stream.filter((event) => event.eventType === "INVOKE"),
 *   Stream.runCount,
 *   Effect.flatMap((invocations) => Effect.log(`${invocations} invocations`))
 * )
 * ```
 *
 * @category streams
 * @since 0.1.0
 */
export const events = <E1 = never, R1 = never, E2 = never, R2 = never>(
  options: EventsOptions<E1, R1, E2, R2> = {}
): Stream.Stream<
  ExtensionEvent,
  ExtensionsApiError | ExtensionAborted | E2,
  ExtensionsApi | LambdaEnvironment | R1 | R2
> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const api = yield* ExtensionsApi
      const host = yield* HostProcess
      const startedAt = yield* Clock.currentTimeMillis
      const registration = yield* register({
        name: options.name,
        events: options.events ?? ["INVOKE", "SHUTDOWN"]
      })
      let hasPolled = false
      let isOver = false
      let isIdle = false

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

      // What ends the stream from outside, the first one wins. Watched once and not with each pull: the two seconds of a
      // signal begin with the signal, and a race for each event would cost two fibers.
      let halt: Exit.Exit<ShutdownEvent, E2> | undefined
      let polling: Fiber.Fiber<ExtensionEvent> | undefined
      const watch = <R>(effect: Effect.Effect<ShutdownEvent, E2, R>) =>
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
        const exit = yield* Deadline.attempt(
          Effect.suspend(() => onRegistered(registration)),
          Math.max(0, timeout - spent),
          host.termination
        )
        const cause: Cause.Cause<unknown> | undefined = Option.isNone(exit)
          ? Cause.fail(new Deadline.DeadlineExceeded({ budgetMillis: timeout }))
          : Exit.isFailure(exit.value)
            ? exit.value.cause
            : undefined
        // A signal during init is no failure of init; the pull below ends the stream.
        if (cause !== undefined && halt === undefined) {
          yield* Metric.update(ExtensionMetrics.initFailures, 1)
          if (options.onInitFailure === "exit") return yield* aborted("init", cause)
          yield* logFailure("init failed; idle from here on, the function goes on without this extension", cause)
          isIdle = true
        }
      }

      const nextEvent = poll(api, registration)
      const next = Effect.suspend(() => {
        if (halt !== undefined) return halt
        hasPolled = true
        return Effect.flatMap(Effect.forkChild(nextEvent, { startImmediately: true }), (fiber) => {
          polling = fiber
          return Effect.flatMap(Fiber.await(fiber), (exit): Exit.Exit<ExtensionEvent, E2> => halt ?? exit).pipe(
            Effect.onInterrupt(() => Fiber.interrupt(fiber))
          )
        })
      })
      const pull: Effect.Effect<ExtensionEvent, E2> = Effect.flatMap(next, (event) => {
        if (event.eventType === "SHUTDOWN") {
          isOver = true
          return Deadline.fromEvent(event).pipe(
            Effect.flatMap(({ epochMillis }) => host.exitAt(epochMillis - Duration.toMillis(Deadline.lastResort), 0)),
            Effect.as(event)
          )
        }
        return isIdle ? pull : Effect.succeed(event)
      })
      return Stream.fromEffectRepeat(pull).pipe(Stream.takeUntil((event) => event.eventType === "SHUTDOWN"))
    })
  )

/**
 * @category models
 * @since 0.1.0
 */
export interface RunOptions<E1 = never, R1 = never, E2 = E1, R2 = R1, E3 = E1, R3 = R1> extends CommonOptions {
  /** Handles one invocation; when it is done (or its budget is over), next is called. */
  readonly onInvoke?: ((event: InvokeEvent) => Effect.Effect<unknown, E1, R1>) | undefined
  /** Handles the end, before background work is interrupted and the layer is released. */
  readonly onShutdown?: ((event: ShutdownEvent) => Effect.Effect<unknown, E2, R2>) | undefined
  /** Handles events this library does not know. Default: log each type once. */
  readonly onUnknown?: ((event: UnknownEvent) => Effect.Effect<unknown, E3, R3>) | undefined
  /** What a typed failure of a handler does. Default: `"continue"`. */
  readonly onFailure?: FailurePolicy | undefined
  /** What a defect of a handler, or any failure of background work, does. Default: `"idle"`. */
  readonly onDefect?: FailurePolicy | undefined
  /**
   * The longest a handler may run, whatever the invocation's deadline. A function that crashes or times out is seen
   * only at the next poll, so a handler that outlives it costs the time for a clean shutdown. Default: no limit but the
   * deadline.
   */
  readonly maxHandlerTime?: Duration.Input | undefined
  /** Kept free before every deadline. Default: 200 milliseconds. */
  readonly margin?: Duration.Input | undefined
}

type Provided = Deadline.Deadline | Background

type RunRequirements = ExtensionsApi | LambdaEnvironment

type RunFailure = ExtensionsApiError | ExtensionAborted

/**
 * Runs an extension: registers, builds `layer`, handles events one by one, and
 * completes on SHUTDOWN with everything released within the deadline. It fails
 * only where registering is refused or where a policy says `"exit"`.
 *
 * **Example** (A whole extension)
 *
 * ```ts
 * import { Extension } from "@effect-lambda/extension"
 * import * as Effect from "effect/Effect"
 *
 * export const main = Extension.run({
 *   onInvoke: (event) => Effect.log(`invoke ${event.requestId}`),
 *   onShutdown: (event) => Effect.log(`shutdown: ${event.shutdownReason}`)
 * })
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export function run<E1 = never, R1 = never, E2 = never, R2 = never, E3 = never, R3 = never>(
  options: RunOptions<E1, R1, E2, R2, E3, R3> & { readonly layer?: undefined }
): Effect.Effect<void, RunFailure, RunRequirements | Exclude<R1 | R2 | R3, Provided>>
export function run<ROut, LE, RIn, E1 = never, R1 = never, E2 = never, R2 = never, E3 = never, R3 = never>(
  options: RunOptions<E1, R1, E2, R2, E3, R3> & {
    /** Resources of the handlers, built between register and the first next, released at SHUTDOWN. */
    readonly layer: Layer.Layer<ROut, LE, RIn>
  }
): Effect.Effect<void, RunFailure, RunRequirements | Exclude<R1 | R2 | R3, Provided | ROut> | Exclude<RIn, Background>>
export function run<ROut, LE, RIn, E, R>(
  options: RunOptions<E, R> & { readonly layer?: Layer.Layer<ROut, LE, RIn> | undefined }
): Effect.Effect<void, RunFailure, RunRequirements | R | RIn> {
  const { layer } = options
  return layer === undefined
    ? runWith(options, () => Effect.succeed(Context.empty()))
    : runWith(options, (scope) => Layer.buildWithScope(layer, scope))
}

const runWith = Effect.fnUntraced(function* <E, R, ROut, LE, RIn>(
  options: RunOptions<E, R>,
  build: (scope: Scope.Scope) => Effect.Effect<Context.Context<ROut>, LE, RIn>
) {
  const { onDefect = "idle", onFailure = "continue", onInvoke, onShutdown, onUnknown } = options
  const marginMillis = Duration.toMillis(options.margin ?? defaultMargin)
  const longestHandlerMillis = Duration.toMillis(options.maxHandlerTime ?? Duration.infinity)
  const host = yield* HostProcess
  const resources = yield* Scope.make()
  const fiberScope = yield* Scope.make()
  const fibers = yield* Scope.provide(FiberSet.make(), fiberScope)
  const backgroundAborted = yield* Deferred.make<never, ExtensionAborted>()
  const unknownTypes = new Set<string>()
  // None until `layer` is built; a failed one leaves nothing to handle events with.
  let services = Option.none<Context.Context<ROut | Background>>()
  let isIdle = false
  let isReleased = false

  const applyPolicy = Effect.fnUntraced(function* (
    phase: ExtensionAborted["phase"],
    cause: Cause.Cause<unknown>,
    policy: FailurePolicy
  ) {
    if (policy === "idle") isIdle = true
    const consequence = {
      continue: "",
      idle: "; idle from here on, the function goes on without this extension",
      exit: "; the extension exits"
    }
    yield* logFailure(`${phase} failed${consequence[policy]}`, cause)
    if (policy === "exit") return yield* aborted(phase, cause)
  })

  const background = Background.of({
    fork: (effect) =>
      FiberSet.run(
        fibers,
        Effect.tapCause(effect, (cause) =>
          Cause.hasInterruptsOnly(cause)
            ? Effect.void
            : Metric.update(ExtensionMetrics.backgroundFailures, 1).pipe(
                Effect.andThen(applyPolicy("background", cause, onDefect)),
                Effect.catch((error) => Deferred.fail(backgroundAborted, error))
              )
        )
      )
  })

  // What ends a handler before its time: nobody can wait for it any more.
  const stop = Effect.raceFirst(host.termination, Effect.exit(Deferred.await(backgroundAborted)))

  /** A handler within its budget; `None` where it was abandoned. One that throws is a defect like any other. */
  const runHandler = (
    handler: () => Effect.Effect<unknown, E, R>,
    context: Context.Context<ROut | Background>,
    deadline: Deadline.Deadline["Service"],
    budgetMillis: number,
    stop?: Effect.Effect<unknown>
  ) =>
    Deadline.attempt(
      Effect.provideContext(Effect.suspend(handler), Context.add(context, Deadline.Deadline, deadline)),
      budgetMillis,
      stop
    )

  const onEvent = (name: string, handler: () => Effect.Effect<unknown, E, R>, event: InvokeEvent | UnknownEvent) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (isIdle || Option.isNone(services)) return Effect.void
      const deadline = Deadline.fromEventAt(event, now)
      const left = deadline.epochMillis - now - marginMillis
      const budget = Math.max(0, Math.min(left, longestHandlerMillis))
      return Effect.flatMap(runHandler(handler, services.value, deadline, budget, stop), (exit) => {
        if (Option.isNone(exit)) {
          return Effect.logWarning(`${name} is abandoned: not done within ${budget} ms, or the process must end`)
        }
        return Exit.isSuccess(exit.value) ? Effect.void : onHandlerFailure(exit.value.cause)
      })
    })

  const onHandlerFailure = (cause: Cause.Cause<E>) => {
    const isDefect = Cause.hasDies(cause)
    return Effect.andThen(
      Metric.update(isDefect ? ExtensionMetrics.handlerDefects : ExtensionMetrics.handlerFailures, 1),
      applyPolicy("invoke", cause, isDefect ? onDefect : onFailure)
    )
  }

  const logUnknown = (event: UnknownEvent) => {
    const type = event.payload.eventType
    if (unknownTypes.has(type)) return Effect.void
    unknownTypes.add(type)
    return Effect.logWarning(
      `Lambda sent an event of the unknown type ${JSON.stringify(type)}; ignored, further ones silently`
    )
  }

  // Background fibers may use the layer's resources, so they go first; a stuck one may not take all the time.
  const release = Effect.fnUntraced(function* (budgetMillis: number, exit: Exit.Exit<unknown, unknown>) {
    if (isReleased) return
    isReleased = true
    const before = yield* Clock.currentTimeMillis
    const interrupted = yield* Deadline.attempt(Scope.close(fiberScope, exit), budgetMillis / 2)
    const spent = (yield* Clock.currentTimeMillis) - before
    const closed = yield* Deadline.attempt(Scope.close(resources, exit), Math.max(0, budgetMillis - spent))
    if (Option.isNone(interrupted)) {
      yield* Effect.logWarning("background work ignored its interruption and is abandoned")
    }
    if (Option.isNone(closed)) yield* Effect.logWarning("a finalizer was not done in time and is abandoned")
    else if (Exit.isFailure(closed.value)) yield* logFailure("a finalizer failed", closed.value.cause)
  })

  const shutdown = Effect.fnUntraced(function* (event: ShutdownEvent) {
    const deadline = yield* Deadline.fromEvent(event)
    if (onShutdown !== undefined && Option.isSome(services)) {
      const left = yield* Deadline.leftMillis(deadline)
      const budget = Math.max(0, left - marginMillis - finalizerReserveMillis)
      const exit = yield* runHandler(() => onShutdown(event), services.value, deadline, budget)
      if (Option.isNone(exit)) yield* Effect.logWarning(`onShutdown is abandoned: not done within ${budget} ms`)
      else if (Exit.isFailure(exit.value)) yield* logFailure("onShutdown failed", exit.value.cause)
    }
    yield* release(Math.max(0, (yield* Deadline.leftMillis(deadline)) - marginMillis), Exit.void)
  })

  yield* events({
    name: options.name,
    events: options.events,
    onInitFailure: options.onInitFailure,
    initTimeout: options.initTimeout,
    failWhen: Deferred.await(backgroundAborted),
    onRegistered: () =>
      Effect.provideService(build(resources), Background, background).pipe(
        Effect.map((context) => {
          services = Option.some(Context.add(context, Background, background))
        }),
        // What a failed layer has started must not go on without what it has acquired.
        Effect.onError((cause) => release(releaseMillis, Exit.failCause(cause)))
      )
  }).pipe(
    Stream.runForEach((event) => {
      switch (event.eventType) {
        case "INVOKE":
          return onInvoke === undefined ? Effect.void : onEvent("onInvoke", () => onInvoke(event), event)
        case "UNKNOWN":
          return onUnknown === undefined ? logUnknown(event) : onEvent("onUnknown", () => onUnknown(event), event)
        case "SHUTDOWN":
          return shutdown(event)
      }
    }),
    Effect.onExit((exit) => release(releaseMillis, exit))
  )
})
