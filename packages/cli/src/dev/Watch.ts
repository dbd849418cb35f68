/** Bundles a program again whenever one of its sources changes. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Fs from "node:fs"
import * as Bundle from "../build/Bundle.ts"
import type { LayerConfig } from "../project/LayerConfig.ts"

export type Outcome =
  | {
      readonly _tag: "Bundled"
      readonly bundle: Bundle.Bundle
      readonly warnings: ReadonlyArray<string>
      readonly millis: number
      /** The time at which the change was seen. */
      readonly since: number
    }
  | { readonly _tag: "Failed"; readonly message: string }

/**
 * Makes a queue of outcomes; the first comes without a change. The queue keeps only the newest outcome, since only the last
 * state of the sources counts.
 *
 * @param options.others files whose change counts too
 * @param options.file the path of the bundle that is written
 */
export const make = Effect.fnUntraced(function* (options: {
  readonly config: LayerConfig
  readonly others: ReadonlyArray<string>
  readonly file: string
}) {
  const { config, file, others } = options
  const outcomes = yield* Queue.sliding<Outcome>(1)
  const clock = yield* Clock.Clock
  // Imported here for the same reason as in `Bundle`.
  const { watch } = yield* Effect.promise(() => import("rolldown"))
  let warnings: Array<string> = []
  let since = 0
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const input = Bundle.inputOptions(config, (text) => warnings.push(text))
      const watchOthers = {
        name: "watch-others",
        buildStart(this: { readonly addWatchFile: (path: string) => void }) {
          for (const path of [config.entry, ...others]) this.addWatchFile(path)
        }
      }
      return watch({
        ...input,
        plugins: [input.plugins, watchOthers],
        output: { ...Bundle.outputOptions(config), file },
        // Several files that are saved at once make one build.
        watch: { buildDelay: 50 }
      }).on("event", (event) => {
        switch (event.code) {
          case "BUNDLE_START":
            warnings = []
            since = clock.currentTimeMillisUnsafe()
            // A program without positions gets no map, and that of the build before would be wrong.
            Fs.rmSync(`${file}.map`, { force: true })
            return
          case "BUNDLE_END":
            Queue.offerUnsafe(outcomes, {
              _tag: "Bundled",
              bundle: Bundle.fromRolldown(
                config,
                Fs.readFileSync(file, "utf8"),
                Fs.existsSync(`${file}.map`) ? Fs.readFileSync(`${file}.map`, "utf8") : undefined
              ),
              warnings,
              millis: event.duration,
              since
            })
            return event.result.close()
          case "ERROR":
            Queue.offerUnsafe(outcomes, { _tag: "Failed", message: Bundle.errorsOf(event.error).join("\n") })
            return event.result.close()
          default:
            return
        }
      })
    }),
    (watcher) => Effect.promise(() => watcher.close())
  )
  return outcomes
})
