/**
 * Async functions as generators, in a bundle for LLRT.
 *
 * LLRT does not tell of a rejected promise that nothing handles, so the prelude puts a promise of its kind in the place of
 * `Promise`. An async function makes its promise past that; the helper of a generator makes it with `Promise`.
 */
import type { OutputChunk, Plugin } from "rolldown"
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

const mayHave = /\basync\b/

/**
 * Only modules with an async function are rewritten, since other new syntax of theirs is rewritten too, and gets slower.
 *
 * @param chosen the modules to look at; `undefined`: all
 */
export const asyncFunctions = (chosen?: ReadonlySet<string>): Plugin => ({
  name: "async-functions",
  transform: {
    filter: { code: mayHave },
    handler: (code, id) =>
      import("rolldown/utils").then((utils) => {
        if (chosen?.has(id) === false || !hasAsyncFunction(utils, id, code)) return undefined
        const { code: lowered, errors, map } = utils.transformSync(id, code, { target, sourcemap: true })
        const [error] = errors
        if (error !== undefined) throw new Error(error.message)
        return { code: lowered, map: map ?? null }
      })
  }
})

/** The modules that have an async function left in a bundle: those of Effect have some, which few programs use. */
export const modulesWithAsync = ({ code, fileName, modules }: OutputChunk): Promise<ReadonlySet<string>> =>
  import("rolldown/utils").then((utils) => {
    // Copying the code of the modules out of rolldown takes long, and most bundles have none.
    if (!mayHave.test(code) || !hasAsyncFunction(utils, `${fileName}.mjs`, code)) return new Set()
    return new Set(Object.keys(modules).filter((id) => mayHave.test(modules[id]?.code ?? "")))
  })
