/** The programs that the package brings for scenarios: the function, what it loads, and the extension beside the target. */
import * as NodePath from "node:path"

const folder = NodePath.join(import.meta.dirname, "../../../conform")

/** The function that prints as much as a scenario asks for. */
export const chatty = NodePath.join(folder, "chatty.mjs")

/** The file of the extension beside the target. */
export const neighbour = NodePath.join(folder, "neighbour.mjs")

/** The name of that extension, for faults. */
export const neighbourName = NodePath.basename(neighbour)

/** The module that NODE_OPTIONS loads into the function in a scenario. */
export const agent = NodePath.join(folder, "agent.mjs")
