/** Checked by the compiler, never run: what TypeScript makes of `Extension.run`: services and errors of the handlers may differ, missing ones show. */
import { Background, Deadline, Extension, type ExtensionsApi, type LambdaEnvironment } from "@effect-lambda/extension"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

class A extends Context.Service<A, { readonly a: Effect.Effect<void> }>()("test/A") {}
class B extends Context.Service<B, { readonly b: Effect.Effect<void> }>()("test/B") {}
class C extends Context.Service<C, { readonly c: Effect.Effect<void> }>()("test/C") {}

declare const layers: {
  readonly a: Layer.Layer<A>
  readonly maybe: Layer.Layer<A> | undefined
  readonly ab: Layer.Layer<A | B>
  readonly aNeedsC: Layer.Layer<A, string, C>
  readonly aNeedsDeadline: Layer.Layer<A, never, Deadline.Deadline>
}

type Base = ExtensionsApi.ExtensionsApi | LambdaEnvironment.LambdaEnvironment
const useA = A.use((a) => a.a)
const useB = B.use((b) => b.b)

/** An argument is asked for, and the call does not compile, where the services are not exactly the expected ones. */
const needs = <A, E, R>(extension: Effect.Effect<A, E, R>) => ({
  exactly: <Expected>(..._mismatch: [R] extends [Expected] ? ([Expected] extends [R] ? [] : [needs: R]) : [needs: R]) =>
    extension
})

export const checks = [
  // Nothing more than the library's own.
  needs(Extension.run({})).exactly<Base>(),
  needs(Extension.run({ onInvoke: () => Effect.void })).exactly<Base>(),
  needs(Extension.run({ layer: layers.a })).exactly<Base>(),

  // What each handler needs.
  needs(Extension.run({ onInvoke: () => useA, onShutdown: () => useB })).exactly<Base | A | B>(),
  needs(Extension.run({ onInvoke: () => Effect.scope, onUnknown: () => useB })).exactly<Base | Scope.Scope | B>(),

  // Less what the layer provides.
  needs(Extension.run({ layer: layers.ab, onInvoke: () => useA, onShutdown: () => useB })).exactly<Base>(),
  needs(Extension.run({ layer: layers.a, onInvoke: () => useA, onShutdown: () => useB })).exactly<Base | B>(),

  // Where there may be none, its services count as provided.
  needs(Extension.run({ layer: layers.maybe, onInvoke: () => useA })).exactly<Base>(),

  // What the layer itself needs; a layer has no deadline.
  needs(Extension.run({ layer: layers.aNeedsC, onInvoke: () => useA })).exactly<Base | C>(),
  needs(Extension.run({ layer: layers.aNeedsDeadline })).exactly<Base | Deadline.Deadline>(),

  // Neither the deadline nor background work in handlers.
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
