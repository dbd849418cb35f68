/** The findings of `check` about a layer. */
import type { LayerEntry } from "../layer/LayerEntry.ts"
import type { FunctionRuntime } from "./FunctionRuntime.ts"

/**
 * Something that is wrong with a layer. An error keeps it from working or gives a secret away. A warning does so in some
 * functions, or costs time. A note is worth knowing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Finding {
  /** Names the kind of fault; stable. */
  readonly code: string
  readonly severity: "error" | "warning" | "note"
  /** The path relative to `/opt`; empty if the finding is about the layer as a whole. */
  readonly path: string
  readonly message: string
  readonly advice: string
}

/**
 * The processor and the functions that the layer is for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Target {
  readonly arch: "x64" | "arm64" | undefined
  /** The runtimes of the functions that will use the layer; empty if they are not known. */
  readonly runtimes: ReadonlyArray<FunctionRuntime>
  /** The time by which the age of a binary counts, in milliseconds since 1970. Without it no age counts. */
  readonly now?: number
}

/**
 * A layer with its paths looked up.
 *
 * @category models
 * @since 0.1.0
 */
export interface Layer {
  readonly entries: ReadonlyMap<string, LayerEntry>
  /** The last parts of the paths. */
  readonly names: ReadonlySet<string>
  readonly target: Target
}

/**
 * Says whether a file is directly in `extensions/`: Lambda starts every such file, of any kind.
 *
 * @category accessors
 * @since 0.1.0
 */
export const isExtensionPath = (path: string): boolean => /^extensions\/[^/]+$/.test(path)
