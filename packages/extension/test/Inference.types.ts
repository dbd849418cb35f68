/** Checked by the compiler, never run: services and errors of handlers, and of sinks, may differ, and missing ones show. */
import {
  Background,
  Deadline,
  Extension,
  type LambdaEnvironment,
  Telemetry,
  TelemetrySink
} from "@effect-lambda/extension"
import type * as ExtensionsApi from "@effect-lambda/extension/ExtensionsApi"
import type * as TelemetryTransport from "@effect-lambda/extension/telemetry/TelemetryTransport"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { types } from "./support.ts"

class A extends Context.Service<A, { readonly a: Effect.Effect<void> }>()("test/A") {}
class B extends Context.Service<B, { readonly b: Effect.Effect<void> }>()("test/B") {}
class C extends Context.Service<C, { readonly c: Effect.Effect<void> }>()("test/C") {}

declare const layers: {
  readonly a: Layer.Layer<A>
  readonly ab: Layer.Layer<A | B>
  readonly aNeedsC: Layer.Layer<A, string, C>
  readonly aNeedsDeadline: Layer.Layer<A, never, Deadline.Deadline>
}

type Base = ExtensionsApi.ExtensionsApi | LambdaEnvironment.LambdaEnvironment
const useA = A.use((a) => a.a)
const useB = B.use((b) => b.b)

/** If the services are not exactly the expected ones, an argument is asked for, and the call does not compile. */
const needs = <A, E, R>(extension: Effect.Effect<A, E, R>) => ({
  exactly: <Expected>(..._mismatch: [R] extends [Expected] ? ([Expected] extends [R] ? [] : [needs: R]) : [needs: R]) =>
    extension
})

declare const options: Telemetry.Options<string, A>

const sinks = {
  http: TelemetrySink.http({ url: "https://logs.example.com" }),
  a: TelemetrySink.make({ name: "a", export: () => useA }),
  b: TelemetrySink.make({ name: "b", export: () => Effect.andThen(useB, Effect.fail("no")) }),
  configured: Effect.flatMap(Config.String("URL"), (url) => TelemetrySink.http({ url }))
}

/** As {@link needs}, for the errors and services of telemetry; the transport and the library's own go without saying. */
const telemetryNeeds = <E, R>(telemetry: Telemetry.Telemetry<E, R>) => ({
  exactly: <Expected, Errors = never>(
    ..._mismatch: [R, E] extends [Expected | TelemetryTransport.TelemetryTransport, Errors]
      ? [Expected | TelemetryTransport.TelemetryTransport, Errors] extends [R, E]
        ? []
        : [needs: R, fails: E]
      : [needs: R, fails: E]
  ) => telemetry
})

export const telemetryChecks = [
  // A single sink, also made in place.
  telemetryNeeds(Telemetry.make({ types, sink: sinks.a })).exactly<A>(),
  telemetryNeeds(Telemetry.make({ types, sink: TelemetrySink.make({ name: "a", export: () => useA }) })).exactly<A>(),
  telemetryNeeds(Telemetry.make({ types, sink: TelemetrySink.console })).exactly<never>(),
  telemetryNeeds(Telemetry.make(options)).exactly<A, string>(),
  telemetryNeeds(Telemetry.make({ types, sink: sinks.configured })).exactly<
    HttpClient.HttpClient,
    Config.ConfigError | TelemetrySink.HttpSinkError
  >(),

  // Several, which need and fail differently.
  telemetryNeeds(Telemetry.make({ types, sink: Effect.all([]) })).exactly<never>(),
  telemetryNeeds(Telemetry.make({ types, sink: Effect.all([sinks.http, sinks.a]) })).exactly<
    HttpClient.HttpClient | A,
    TelemetrySink.HttpSinkError
  >(),
  telemetryNeeds(
    Telemetry.make({
      types,
      sink: Effect.all([TelemetrySink.console, sinks.configured, TelemetrySink.make({ name: "b", export: () => useB })])
    })
  ).exactly<HttpClient.HttpClient | B, Config.ConfigError | TelemetrySink.HttpSinkError>(),
  telemetryNeeds(Telemetry.make({ types, sink: Effect.all([Effect.fail("no"), sinks.a]) })).exactly<A, string>(),

  // Missing services show at the run.
  needs(Extension.run({ telemetry: Telemetry.make({ types, sink: Effect.all([sinks.a, sinks.b]) }) })).exactly<
    Base | TelemetryTransport.TelemetryTransport | A | B
  >()
]

export const checks = [
  // Nothing more than the library's own.
  needs(Extension.run({})).exactly<Base>(),
  needs(Extension.run({ onInvoke: () => Effect.void })).exactly<Base>(),
  needs(Extension.run({ layer: layers.a })).exactly<Base>(),

  // Services of each handler.
  needs(Extension.run({ onInvoke: () => useA, onShutdown: () => useB })).exactly<Base | A | B>(),
  needs(Extension.run({ onInvoke: () => Effect.scope, onUnknown: () => useB })).exactly<Base | Scope.Scope | B>(),

  // Less what the layer provides.
  needs(Extension.run({ layer: layers.ab, onInvoke: () => useA, onShutdown: () => useB })).exactly<Base>(),
  needs(Extension.run({ layer: layers.a, onInvoke: () => useA, onShutdown: () => useB })).exactly<Base | B>(),

  // Services of the layer itself; a layer has no deadline.
  needs(Extension.run({ layer: layers.aNeedsC, onInvoke: () => useA })).exactly<Base | C>(),
  needs(Extension.run({ layer: layers.aNeedsDeadline })).exactly<Base | Deadline.Deadline>(),

  // No deadline and no background work in handlers.
  needs(
    Extension.run({
      onInvoke: () => Effect.andThen(Deadline.remaining, Background.fork(useA)),
      onUnknown: (event) => Effect.log(event.payload)
    })
  ).exactly<Base | A>(),

  // Handlers may fail differently.
  needs(
    Extension.run({
      onInvoke: (event) => Effect.fail(event.requestId),
      onShutdown: () => Effect.fail(1),
      onUnknown: () => Effect.fail(true)
    })
  ).exactly<Base>()
]
