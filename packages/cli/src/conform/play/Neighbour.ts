/** The extension that runs beside the target in some scenarios. */
import * as NodePath from "node:path"

/** Its file. */
export const neighbour = NodePath.join(import.meta.dirname, "function/neighbour.mjs")

/** Its name, for faults. */
export const neighbourName = NodePath.basename(neighbour)
