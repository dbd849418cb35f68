/** The built-in modules of Node that are loaded without `import`. */
import type * as Http from "node:http"

// `import "node:http"` in an ES module evaluates lazy getters that load undici: 30 ms and more on every cold start.
// Marked as pure, so that a bundle without telemetry leaves it out.
export const http: typeof Http = /* @__PURE__ */ process.getBuiltinModule("node:http")

export const { basename } = process.getBuiltinModule("node:path")
