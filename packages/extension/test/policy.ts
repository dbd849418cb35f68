/** The parts that the tests of the policy share. */
import { ExtensionTest } from "@effect-lambda/extension/testing"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"

const { note } = ExtensionTest

export const count = (metric: Metric.Counter<number>) => Effect.map(Metric.value(metric), (state) => state.count)

export const handled = (event: { readonly requestId: string }) => note(`handled ${event.requestId}`)

export class Resource extends Context.Service<Resource, { readonly name: string }>()("test/Resource") {}
