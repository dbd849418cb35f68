/** `effect-lambda build packages/otel`: the layers of each runtime and start, and a span for each invocation. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Findings from "../../src/check/Findings.ts"
import * as LayerContent from "../../src/layer/LayerContent.ts"
import type * as LayerConfig from "../../src/project/LayerConfig.ts"
import { managedNode } from "../support/life.ts"
import * as Otel from "../support/otel.ts"

const own = process.arch === "arm64" ? "arm64" : "x64"

export interface Row {
  readonly runtime: LayerConfig.LayerConfig["runtime"]
  readonly start: LayerConfig.LayerConfig["start"]
}

/** @param architectures those that this machine has a runtime for */
export const playOtel = (rows: ReadonlyArray<Row>, architectures: ReadonlyArray<LayerConfig.Architecture>): void => {
  const folder = mkdtempSync(join(tmpdir(), "otel-layers-"))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  describe.each(rows)("runtime $runtime, start $start", ({ runtime, start }) => {
    it.live("the layers have wrapper and program, and that of this processor sends a span for each invocation", () =>
      Effect.gen(function* () {
        const name = `otel-${runtime}-${start}-${process.pid}`
        // The layer listens for the SDK of the function, so an eager start has to be asked for.
        const startAnyway = start === "eager"
        const [first] = architectures
        const arch = architectures.length === 1 && first !== undefined ? first : "both"
        const settings = { name, runtime, start, startAnyway, arch, codeCache: "off", out: folder } as const
        const { layers } = yield* Otel.build(settings, false)
        assert.sameMembers(
          layers.map(({ arch }) => arch),
          [...architectures]
        )
        for (const { arch, directory } of layers) {
          Otel.assertWrapper(directory)
          const content = Result.getOrThrow(LayerContent.open(directory))
          assert.deepStrictEqual(Findings.find(content, { arch, runtimes: [] }), [])
        }
        const opt = layers.find(({ arch }) => arch === own)?.directory ?? assert.fail(`no layer for ${own}`)
        yield* Otel.assertTraced(opt, name, runtime === "managed" ? managedNode : {})
        for (const { directory } of layers) rmSync(directory, { recursive: true })
      })
    )
  })
}
