/**
 * Async functions as generators, in a bundle for LLRT.
 *
 * LLRT does not tell of a rejected promise that nothing handles, so the prelude puts a promise of its kind in the place of
 * `Promise`. An async function makes its promise past that; the helper of a generator makes it with `Promise`.
 */
import type { Plugin } from "rolldown"
import type * as Utils from "rolldown/utils"
import type { ESTree } from "rolldown/utils"

/** The last version of the language without async functions. */
const target = "es2016"

const hasAsyncFunction = ({ parseSync, Visitor }: typeof Utils, id: string, code: string): boolean => {
  let isFound = false
  const look = (node: ESTree.Function | ESTree.ArrowFunctionExpression) => {
    isFound ||= node.async
  }
  const visitor = new Visitor({
    ArrowFunctionExpression: look,
    FunctionDeclaration: look,
    FunctionExpression: look
  })
  visitor.visit(parseSync(id, code).program)
  return isFound
}

/** Only modules with an async function are rewritten, since other new syntax of theirs is rewritten too, and gets slower. */
export const asyncFunctions: Plugin = {
  name: "async-functions",
  transform: {
    filter: { code: /\basync\b/ },
    handler: (code, id) =>
      import("rolldown/utils").then((utils) => {
        if (!hasAsyncFunction(utils, id, code)) return undefined
        const { code: lowered, errors, map } = utils.transformSync(id, code, { target, sourcemap: true })
        const [error] = errors
        if (error !== undefined) throw new Error(error.message)
        return { code: lowered, map: map ?? null }
      })
  }
}
