/** The subject of a journal entry, of output and of a fault. */

/**
 * The subject of an entry: the runtime (the function's process) or an extension by its name.
 *
 * @category models
 * @since 0.1.0
 */
export type Source = "runtime" | `extension:${string}`
