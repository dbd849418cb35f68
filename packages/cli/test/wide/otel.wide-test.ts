/** `effect-lambda build packages/otel` for every runtime, start and architecture that the build has. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Findings from "../../src/check/Findings.ts"
import * as LayerContent from "../../src/layer/LayerContent.ts"
import * as LayerConfig from "../../src/project/LayerConfig.ts"
import { managedNode } from "../support/life.ts"
import * as Otel from "../support/otel.ts"

const folder = mkdtempSync(join(tmpdir(), "otel-layers-"))
const own = process.arch === "arm64" ? "arm64" : "x64"

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const rows = LayerConfig.runtimes.flatMap((runtime) =>
  LayerConfig.starts
    // bun cannot take over the connection of the entry.
    .filter((start) => runtime !== "bun" || start === "ready")
    .map((start) => ({ runtime, start, name: `otel-${runtime}-${start}-${process.pid}` }))
)

describe.each(rows)("runtime $runtime, start $start", ({ name, runtime, start }) => {
  it.live("both layers have wrapper and program, and that of this processor sends a span for each invocation", () =>
    Effect.gen(function* () {
      // The layer listens for the SDK of the function, so an eager start has to be asked for.
      const startAnyway = start === "eager"
      const settings = { name, runtime, start, startAnyway, arch: "both", codeCache: "off", out: folder } as const
      const { layers } = yield* Otel.build(settings, false)
      assert.sameMembers(
        layers.map(({ arch }) => arch),
        [...LayerConfig.architectures]
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
