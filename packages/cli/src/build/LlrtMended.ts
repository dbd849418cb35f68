/**
 * The modules of Node that the prelude of a layer for LLRT mends. An import by name would link the export of LLRT itself, past
 * the prelude, so such a module becomes one of the bundle.
 */
import process from "node:process"
import type { Plugin } from "rolldown"
import { added, lackedMember, modules } from "./LlrtModules.ts"

const source = (name: string) => (name === "timers" ? "globalThis" : `process.getBuiltinModule("node:${name}")`)

/**
 * The text of the module. It has every export of Node's, and the bundler leaves out those that nothing uses. A read of
 * {@link lackedMember} that is left says that the program uses an export that is not there.
 */
const textOf = (name: string): string => {
  const there = new Set([...(modules.get(name) ?? []), ...(added.get(name) ?? [])])
  const all = new Set([...there, ...Object.keys(process.getBuiltinModule(`node:${name}`) ?? {})])
  const lines = Array.from(
    all,
    (each) => `export const ${each} = builtin[${JSON.stringify(there.has(each) ? each : lackedMember(name, each))}]`
  )
  return [
    `const builtin = ${source(name)}`,
    "export default builtin",
    `export { builtin as "module.exports" }`,
    ...lines
  ].join("\n")
}

const prefix = "\0llrt:"

export const mendedModules: Plugin = {
  name: "llrt-mended",
  resolveId: {
    order: "pre",
    filter: { id: new RegExp(`^(?:node:)?(?:${[...added.keys()].join("|")})$`) },
    handler: (id) => ({ id: prefix + id.replace(/^node:/, ""), moduleSideEffects: false })
  },
  load: {
    filter: { id: new RegExp(`^${prefix}`) },
    handler: (id) => textOf(id.slice(prefix.length))
  }
}
