/** A path in a layer, with what is there. */

/**
 * A path in a layer, relative to `/opt`.
 *
 * @category models
 * @since 0.1.0
 */
export interface LayerEntry {
  readonly path: string
  readonly kind: "file" | "directory" | "symlink" | "other"
  /** The permission bits; `undefined` if the zip was written without them. */
  readonly mode: number | undefined
  readonly size: number
  /** Reads the content; for a symbolic link that is its target. Throws an error whose message says what is wrong with it. */
  readonly read: () => Uint8Array
}
