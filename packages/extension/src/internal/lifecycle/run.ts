/** The fold of `Extension.run` over the supervised stream: handlers, telemetry, and the release of resources. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Background } from "../../Background.ts"
import * as Deadline from "../../Deadline.ts"
import type { InvokeEvent, ShutdownEvent, UnknownEvent } from "../../ExtensionEvent.ts"
import * as ExtensionMetrics from "../../ExtensionMetrics.ts"
import { aborted, type ExtensionAborted, type FailurePolicy, logFailure } from "../../FailurePolicy.ts"
import { HostProcess } from "../../HostProcess.ts"
import * as logEvent from "./logEvent.ts"
import type { RunOptions } from "./options.ts"
import type { TelemetrySession } from "./runTelemetry.ts"
import { supervise } from "./supervise.ts"

const defaultMargin = Duration.millis(200)
// The part of shutdown that a slow `onShutdown` cannot take from the finalizers. If the poll came late, less is left.
const finalizerReserveMillis = (leftMillis: number) => Math.min(500, leftMillis / 4)
// A failed run has no deadline: the finalizers get one second, and then the process ends.
const releaseMillis = 1000
// The part of that second that telemetry may take at most.
const telemetryShare = 0.7

/** The fold over the supervised stream behind `Extension.run`; `build` makes the user's layer. */
export const runWith = Effect.fnUntraced(function* <E, R, ROut, RIn>(
  options: RunOptions<R, R, R, R, E>,
  build: (scope: Scope.Scope) => Effect.Effect<Context.Context<ROut>, E, RIn>
) {
  const { onDefect = "idle", onFailure = "continue", onInvoke, onShutdown, onUnknown, telemetry } = options
  const marginMillis = Duration.toMillis(options.margin ?? defaultMargin)
  const longestHandlerMillis = Duration.toMillis(options.maxHandlerTime ?? Duration.infinity)
  const host = yield* HostProcess
  const resources = yield* Scope.make()
  const fiberScope = yield* Scope.make()
  const fibers = yield* Scope.provide(FiberSet.make(), fiberScope)
  const backgroundAborted = yield* Deferred.make<never, ExtensionAborted>()
  const unknownTypes = new Set<string>()
  // None until `layer` is built; after a failed `layer` there is nothing to handle events with.
  let services = Option.none<Context.Context<ROut | Background>>()
  let session: TelemetrySession | undefined
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
      idle: "; the extension idles from now on, and the function goes on without it",
      exit: "; the extension exits"
    }
    const logged = logFailure(`${phase} failed${consequence[policy]}`, cause)
    yield* policy === "idle" ? logEvent.idle(phase)(logged) : logged
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

  // The events that end a handler early: nothing can wait for the handler after them.
  const stop = Effect.raceFirst(host.termination, Effect.exit(Deferred.await(backgroundAborted)))

  /** Runs a handler within its budget; `None` if it was abandoned. A handler that throws is a defect like any other. */
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

  const onEvent = (
    name: string,
    handler: () => Effect.Effect<unknown, E, R>,
    event: InvokeEvent | UnknownEvent,
    stopHandler: Effect.Effect<unknown> = stop
  ) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (isIdle || Option.isNone(services)) return Effect.void
      const deadline = Deadline.fromEventAt(event, now)
      const left = deadline.epochMillis - now - marginMillis
      const budget = Math.max(0, Math.min(left, longestHandlerMillis))
      return Effect.flatMap(runHandler(handler, services.value, deadline, budget, stopHandler), (exit) => {
        if (Option.isNone(exit)) {
          return Effect.logWarning(`${name} is abandoned: not done within ${budget} ms, or the process must end`).pipe(
            logEvent.abandoned
          )
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

  const onInvocation = (event: InvokeEvent) => {
    const handle = (stopHandler?: Effect.Effect<unknown>) =>
      onInvoke === undefined ? Effect.void : onEvent("onInvoke", () => onInvoke(event), event, stopHandler)
    if (session === undefined) return handle()
    const { beforeNext, functionFailed, invoked } = session
    return invoked(event).pipe(
      Effect.andThen(handle(Effect.raceFirst(stop, functionFailed(event.requestId)))),
      Effect.andThen(Clock.currentTimeMillis),
      Effect.flatMap((now) => {
        const left = Deadline.fromEventAt(event, now).epochMillis - now - marginMillis
        return Deadline.attempt(beforeNext(event), Math.max(0, left), stop)
      }),
      Effect.flatMap((exit) => {
        if (Option.isNone(exit)) return Effect.logWarning("telemetry was not flushed before the deadline; it is kept")
        return Exit.isFailure(exit.value) ? logFailure("flushing telemetry failed", exit.value.cause) : Effect.void
      })
    )
  }

  const logUnknown = (event: UnknownEvent) => {
    const type = event.payload.eventType
    if (unknownTypes.has(type)) return Effect.void
    unknownTypes.add(type)
    return Effect.logWarning(
      `Lambda sent an event of the unknown type ${JSON.stringify(type)}; it is ignored, and later events of this type are not logged`
    )
  }

  // A program over the stream of telemetry is a background fiber too, and is drained before background fibers are
  // interrupted; after SHUTDOWN it has already been drained. Background fibers may use the layer's resources, so they end
  // before the layer is released. No step may take all the time.
  const release = Effect.fnUntraced(function* (budgetMillis: number, exit: Exit.Exit<unknown, unknown>) {
    if (isReleased) return
    isReleased = true
    const end = (yield* Clock.currentTimeMillis) + budgetMillis
    const left = Effect.map(Clock.currentTimeMillis, (now) => Math.max(0, end - now))
    if (session !== undefined) yield* session.shutdown(budgetMillis * telemetryShare)
    const interrupted = yield* Deadline.attempt(Scope.close(fiberScope, exit), (yield* left) / 2)
    const closed = yield* Deadline.attempt(Scope.close(resources, exit), yield* left)
    if (Option.isNone(interrupted)) {
      yield* Effect.logWarning("background work ignored its interruption and is abandoned").pipe(logEvent.abandoned)
    }
    if (Option.isNone(closed)) {
      yield* Effect.logWarning("a finalizer was not done in time and is abandoned").pipe(logEvent.abandoned)
    } else if (Exit.isFailure(closed.value)) yield* logFailure("a finalizer failed", closed.value.cause)
  })

  const handleShutdown = Effect.fnUntraced(function* (event: ShutdownEvent, deadline: Deadline.Deadline["Service"]) {
    if (onShutdown === undefined || Option.isNone(services)) return
    const left = yield* Deadline.leftMillis(deadline)
    const budget = Math.max(0, left - marginMillis - finalizerReserveMillis(left))
    const exit = yield* runHandler(() => onShutdown(event), services.value, deadline, budget)
    if (Option.isNone(exit)) {
      yield* Effect.logWarning(`onShutdown is abandoned: not done within ${budget} ms`).pipe(logEvent.abandoned)
    } else if (Exit.isFailure(exit.value)) yield* logFailure("onShutdown failed", exit.value.cause)
  })

  const shutdown = Effect.fnUntraced(function* (event: ShutdownEvent) {
    const deadline = yield* Deadline.fromEvent(event)
    const left = yield* Deadline.leftMillis(deadline)
    const flushBudget = Math.max(0, left - marginMillis - finalizerReserveMillis(left))
    // Both run side by side, so that neither takes the other's time.
    yield* Effect.all([handleShutdown(event, deadline), session?.shutdown(flushBudget) ?? Effect.void], {
      concurrency: "unbounded"
    })
    yield* release(Math.max(0, (yield* Deadline.leftMillis(deadline)) - marginMillis), Exit.void)
  })

  // These warnings need an explicit option `events`: the default is both.
  if (options.events?.includes("INVOKE") === false && onInvoke !== undefined) {
    yield* Effect.logWarning("onInvoke never runs: the extension does not register for INVOKE")
  }
  if (options.events?.includes("SHUTDOWN") === false && (onShutdown !== undefined || telemetry !== undefined)) {
    yield* Effect.logWarning(
      "the extension does not register for SHUTDOWN, so Lambda ends it without notice: onShutdown, finalizers and the last " +
        "flush of telemetry do not run"
    )
  }

  yield* supervise({
    name: options.name,
    events: options.events,
    onInitFailure: options.onInitFailure,
    initTimeout: options.initTimeout,
    failWhen: Deferred.await(backgroundAborted),
    onRegistered: (registration) =>
      Effect.provideService(build(resources), Background, background).pipe(
        Effect.map(Context.add(Background, background)),
        Effect.tap((context) =>
          telemetry === undefined
            ? Effect.void
            : telemetry.start(registration).pipe(
                Effect.map((started) => {
                  session = started
                }),
                Effect.provideContext(Context.add(context, Scope.Scope, resources))
              )
        ),
        Effect.map((context) => {
          services = Option.some(context)
        }),
        // Fibers that a failed layer has started must not go on without the resources that it has acquired.
        Effect.onError((cause) => release(releaseMillis, Exit.failCause(cause)))
      )
  }).pipe(
    Stream.runForEach((event) => {
      switch (event.eventType) {
        case "INVOKE":
          return Effect.annotateLogs(onInvocation(event), "requestId", event.requestId)
        case "UNKNOWN":
          return onUnknown === undefined ? logUnknown(event) : onEvent("onUnknown", () => onUnknown(event), event)
        case "SHUTDOWN":
          return shutdown(event)
      }
    }),
    Effect.onExit((exit) => release(releaseMillis, exit))
  )
})
