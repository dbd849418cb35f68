/** The names of a process: the part that it plays, and its number. */

/**
 * The subject of an entry: the runtime (the function's process) or an extension by its name.
 *
 * @category models
 * @since 0.1.0
 */
export type Source = "runtime" | `extension:${string}`

/** A started process. A restarted extension is another process. */
export type ProcessId = number
