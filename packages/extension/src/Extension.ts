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
import { aborted, type ExtensionAborted, type FailurePolicy, reportEnd } from "./FailurePolicy.ts"
import { HostProcess } from "./HostProcess.ts"
import { poll, unannouncedShutdown } from "./internal/poll.ts"
import { register } from "./internal/register.ts"
import type { LambdaEnvironment } from "./LambdaEnvironment.ts"
import type { Registration } from "./Registration.ts"

// The platform gives ten seconds to init; a layer that takes longer would take the function down with it.
const defaultInitTimeout = Duration.seconds(8)
const defaultMargin = Duration.millis(200)
// The part of shutdown that a slow `onShutdown` cannot take from the finalizers.
const finalizerReserve = Duration.millis(500)
const lastResortReserve = 100
// Where a run fails before SHUTDOWN there is no deadline; Lambda waits for the exit of the process.
const releaseBudget = Duration.seconds(1)

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
  /** How long init may take before it counts as failed. Default: 8 seconds, of the 10 that Lambda gives. */
  readonly initTimeout?: Duration.Input | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface EventsOptions<E1, R1, E2, R2> extends CommonOptions {
  /** Runs between register and the first next: the place for slow initialisation, beside the function's own. */
  readonly onRegistered?: ((registration: Registration) => Effect.Effect<unknown, E1, R1>) | undefined
  /** Fails the stream, a parked next included, when it fails: for background work that must not die unseen. */
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
      const registration = yield* register({
        name: options.name,
        events: options.events ?? ["INVOKE", "SHUTDOWN"]
      })
      let hasPolled = false
      let isOver = false
      let isIdle = false

      yield* Effect.addFinalizer((exit) =>
        isOver ? Effect.void : reportEnd(exit, hasPolled ? api.exitError : api.initError, registration)
      )

      const { onRegistered } = options
      if (onRegistered !== undefined) {
        const exit = yield* Effect.suspend(() => onRegistered(registration)).pipe(
          Deadline.abandonAfter(options.initTimeout ?? defaultInitTimeout),
          Effect.exit
        )
        if (Exit.isFailure(exit)) {
          yield* Metric.update(ExtensionMetrics.initFailures, 1)
          if (options.onInitFailure === "exit") return yield* aborted("init", exit.cause)
          yield* Effect.logError(
            "init failed; idle from here on, the function goes on without this extension",
            exit.cause
          )
          isIdle = true
        }
      }

      const next = Effect.suspend(() => {
        hasPolled = true
        return poll(api, registration)
      })
      const interruptions = [Effect.flatMap(host.termination, unannouncedShutdown), options.failWhen ?? Effect.never]
      const pull = Effect.gen(function* () {
        while (true) {
          // In this order: what has happened already wins before next is called.
          const event = yield* Effect.raceAllFirst([...interruptions, next])
          if (event.eventType === "SHUTDOWN") {
            isOver = true
            const { epochMillis } = yield* Deadline.fromEvent(event)
            yield* host.exitAt(epochMillis - lastResortReserve)
            return event
          }
          if (event.eventType === "INVOKE") yield* Metric.update(ExtensionMetrics.invocations, 1)
          if (!isIdle) return event
        }
      })
      return Stream.fromEffectRepeat(pull).pipe(Stream.takeUntil((event) => event.eventType === "SHUTDOWN"))
    })
  )

/**
 * @category models
 * @since 0.1.0
 */
export interface RunOptions<E, R> extends CommonOptions {
  /** Handles one invocation; when it is done (or its budget is over), next is called. */
  readonly onInvoke?: ((event: InvokeEvent) => Effect.Effect<unknown, E, R>) | undefined
  /** Handles the end, before background work is interrupted and the layer is released. */
  readonly onShutdown?: ((event: ShutdownEvent) => Effect.Effect<unknown, E, R>) | undefined
  /** Handles events this library does not know. Default: log each type once. */
  readonly onUnknown?: ((event: UnknownEvent) => Effect.Effect<unknown, E, R>) | undefined
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
export function run<E = never, R = never>(
  options: RunOptions<E, R> & { readonly layer?: undefined }
): Effect.Effect<void, RunFailure, RunRequirements | Exclude<R, Provided>>
export function run<ROut, LE, RIn, E = never, R = never>(
  options: RunOptions<E, R> & {
    /** Resources of the handlers, built between register and the first next, released at SHUTDOWN. */
    readonly layer: Layer.Layer<ROut, LE, RIn>
  }
): Effect.Effect<void, RunFailure, RunRequirements | Exclude<R, Provided | ROut> | Exclude<RIn, Background>>
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
  const margin = Duration.fromInputUnsafe(options.margin ?? defaultMargin)
  const resources = yield* Scope.make()
  const fiberScope = yield* Scope.make()
  const fibers = yield* Scope.provide(FiberSet.make(), fiberScope)
  const backgroundAborted = yield* Deferred.make<never, ExtensionAborted>()
  const unknownTypes = new Set<string>()
  // None until `layer` is built; a failed one leaves nothing to handle events with.
  let services = Option.none<Context.Context<ROut>>()
  let isIdle = false
  let isReleased = false

  const applyPolicy = Effect.fnUntraced(function* (
    phase: ExtensionAborted["phase"],
    cause: Cause.Cause<unknown>,
    policy: FailurePolicy
  ) {
    if (policy === "exit") return yield* aborted(phase, cause)
    if (policy === "idle") isIdle = true
    yield* Effect.logError(
      policy === "idle"
        ? `${phase} failed; idle from here on, the function goes on without this extension`
        : `${phase} failed`,
      cause
    )
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

  /** A handler within its budget; `None` where it was abandoned. One that throws is a defect like any other. */
  const attempt = (
    handler: () => Effect.Effect<unknown, E, R>,
    context: Context.Context<ROut>,
    deadline: Deadline.Deadline["Service"],
    budget: Duration.Duration
  ) =>
    Effect.suspend(handler).pipe(
      Effect.provideContext(context),
      Effect.provideService(Deadline.Deadline, deadline),
      Effect.provideService(Background, background),
      (effect) => Deadline.attempt(effect, budget)
    )

  const onEvent = Effect.fnUntraced(function* (
    name: string,
    handler: () => Effect.Effect<unknown, E, R>,
    event: InvokeEvent | UnknownEvent
  ) {
    if (isIdle || Option.isNone(services)) return
    const deadline = yield* Deadline.fromEvent(event)
    const left = Deadline.lessReserve(yield* Deadline.left(deadline), margin)
    const budget = Duration.min(left, Duration.fromInputUnsafe(options.maxHandlerTime ?? Duration.infinity))
    const exit = yield* attempt(handler, services.value, deadline, budget)
    if (Option.isNone(exit)) {
      return yield* Effect.logWarning(`${name} was not done within ${Duration.format(budget)} and is abandoned`)
    }
    if (Exit.isSuccess(exit.value)) return
    const { cause } = exit.value
    const isDefect = Cause.hasDies(cause)
    yield* Metric.update(isDefect ? ExtensionMetrics.handlerDefects : ExtensionMetrics.handlerFailures, 1)
    yield* applyPolicy("invoke", cause, isDefect ? onDefect : onFailure)
  })

  const logUnknown = (event: UnknownEvent) => {
    const type = event.payload.eventType
    if (unknownTypes.has(type)) return Effect.void
    unknownTypes.add(type)
    return Effect.logWarning(
      `Lambda sent an event of the unknown type ${JSON.stringify(type)}; ignored, further ones silently`
    )
  }

  // Background fibers may use the layer's resources, so they go first; a stuck one may not take all the time.
  const release = Effect.fnUntraced(function* (budget: Duration.Duration) {
    isReleased = true
    const before = yield* Clock.currentTimeMillis
    const interrupted = yield* Deadline.attempt(Scope.close(fiberScope, Exit.void), Duration.divideUnsafe(budget, 2))
    const spent = Duration.millis((yield* Clock.currentTimeMillis) - before)
    const closed = yield* Deadline.attempt(Scope.close(resources, Exit.void), Deadline.lessReserve(budget, spent))
    if (Option.isNone(interrupted))
      yield* Effect.logWarning("background work ignored its interruption and is abandoned")
    if (Option.isNone(closed)) yield* Effect.logWarning("a finalizer was not done in time and is abandoned")
    else if (Exit.isFailure(closed.value)) yield* Effect.logError("a finalizer failed", closed.value.cause)
  })

  const shutdown = Effect.fnUntraced(function* (event: ShutdownEvent) {
    const deadline = yield* Deadline.fromEvent(event)
    if (onShutdown !== undefined && Option.isSome(services)) {
      const left = yield* Deadline.left(deadline)
      const budget = Deadline.lessReserve(left, Duration.sum(margin, finalizerReserve))
      const exit = yield* attempt(() => onShutdown(event), services.value, deadline, budget)
      if (Option.isNone(exit)) {
        yield* Effect.logWarning(`onShutdown was not done within ${Duration.format(budget)} and is abandoned`)
      } else if (Exit.isFailure(exit.value)) yield* Effect.logError("onShutdown failed", exit.value.cause)
    }
    yield* release(Deadline.lessReserve(yield* Deadline.left(deadline), margin))
  })

  yield* events({
    name: options.name,
    events: options.events,
    onInitFailure: options.onInitFailure,
    initTimeout: options.initTimeout,
    failWhen: Deferred.await(backgroundAborted),
    onRegistered: () =>
      Effect.map(Effect.provideService(build(resources), Background, background), (context) => {
        services = Option.some(context)
      })
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
    Effect.onExit(() => (isReleased ? Effect.void : release(releaseBudget)))
  )
})
