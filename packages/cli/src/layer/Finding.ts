/** What `check` has to say about a layer. */
import type { FunctionRuntime } from "./FunctionRuntime.ts"
import type { Entry } from "./LayerContent.ts"

/**
 * One thing that is wrong with a layer. An error keeps it from working or gives a secret away; a warning does so in
 * some functions, or costs time; a note is worth knowing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Finding {
  /** Names the kind of fault; stable. */
  readonly code: string
  readonly severity: "error" | "warning" | "note"
  /** Relative to `/opt`; empty where it is about the layer as a whole. */
  readonly path: string
  readonly message: string
  readonly advice: string
}

/**
 * What the layer is for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Target {
  readonly arch: "x64" | "arm64" | undefined
  /** The runtimes of the functions that it will be used with; empty where nobody has said. */
  readonly runtimes: ReadonlyArray<FunctionRuntime>
}

/**
 * A layer with its paths looked up.
 *
 * @category models
 * @since 0.1.0
 */
export interface Layer {
  readonly entries: ReadonlyMap<string, Entry>
  /** The last parts of the paths. */
  readonly names: ReadonlySet<string>
  readonly target: Target
}

/**
 * Lambda starts every file directly in `extensions/`, whatever it is.
 *
 * @category accessors
 * @since 0.1.0
 */
export const isExtensionPath = (path: string): boolean => /^extensions\/[^/]+$/.test(path)
