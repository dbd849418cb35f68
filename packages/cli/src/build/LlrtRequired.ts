/**
 * The members of Node's modules that a module in CommonJS reads. The bundler leaves nothing of such a module out, and links no
 * export by name: one that LLRT lacks is `undefined`, and a call of it fails without its name.
 */
import { isBuiltin } from "node:module"
import type * as Utils from "rolldown/utils"
import type { ESTree, VisitorObject } from "rolldown/utils"

export interface Member {
  /** As `require` names it. */
  readonly module: string
  readonly name: string
  /** The offset in the text. */
  readonly start: number
}

type Node = ESTree.Expression | ESTree.Super | null

/** The module of `require("util")`, also through a helper of a compiler: `__importStar(require("util"))`. */
const requiredBy = (node: Node): string | undefined => {
  if (node?.type !== "CallExpression" || node.callee.type !== "Identifier") return undefined
  const [argument] = node.arguments
  if (argument === undefined || argument.type === "SpreadElement") return undefined
  if (node.callee.name !== "require") return requiredBy(argument)
  return argument.type === "Literal" && typeof argument.value === "string" && isBuiltin(argument.value)
    ? argument.value
    : undefined
}

/** The comparisons by which a program asks whether something is there. */
const asking = new Set(["==", "===", "!=", "!==", "in", "instanceof"])

/** Finds the members, without those that the module asks for: in a test, in a `try`, or with `?.`. */
export const membersIn = (utils: typeof Utils, program: ESTree.Program): ReadonlyArray<Member> => {
  const visit = (visitor: VisitorObject) => new utils.Visitor(visitor).visit(program)
  const bound = new Map<string, string>()
  const names: Array<string> = []
  const guards: Array<ESTree.Span> = []
  const members: Array<Member & { readonly isGuarded: boolean }> = []
  const declare = (pattern: ESTree.ParamPattern) => void (pattern.type === "Identifier" && names.push(pattern.name))
  const isGuarded = (at: number) => guards.some(({ end, start }) => start <= at && at < end)
  visit({
    ArrowFunctionExpression: ({ params }) => params.forEach(declare),
    FunctionDeclaration: ({ params }) => params.forEach(declare),
    FunctionExpression: ({ params }) => params.forEach(declare),
    VariableDeclarator: ({ id, init }) => {
      if (id.type !== "Identifier") return
      names.push(id.name)
      const module = requiredBy(init)
      if (module !== undefined) bound.set(id.name, module)
    },
    BinaryExpression: (node) => void (asking.has(node.operator) && guards.push(node)),
    ConditionalExpression: ({ test }) => void guards.push(test),
    IfStatement: ({ test }) => void guards.push(test),
    LogicalExpression: (node) => void guards.push(node),
    TryStatement: ({ block }) => void guards.push(block),
    UnaryExpression: (node) => void ((node.operator === "typeof" || node.operator === "!") && guards.push(node))
  })
  // Another variable of the same name may hold anything.
  const moduleOf = (node: Node): string | undefined => {
    if (node?.type === "MemberExpression" && node.property.type === "Identifier" && node.property.name === "default") {
      return moduleOf(node.object)
    }
    if (node?.type !== "Identifier") return requiredBy(node)
    return names.filter((name) => name === node.name).length === 1 ? bound.get(node.name) : undefined
  }
  const add = (module: string | undefined, key: ESTree.Node, start: number, isOptional = false) => {
    if (module === undefined || key.type !== "Identifier") return
    members.push({ module, name: key.name, start, isGuarded: isOptional || isGuarded(start) })
  }
  visit({
    MemberExpression: ({ computed, object, optional, property, start }) => {
      if (!computed) add(moduleOf(object), property, start, optional)
    },
    VariableDeclarator: ({ id, init }) => {
      if (id.type !== "ObjectPattern") return
      for (const property of id.properties) {
        // A default value stands for what is not there.
        const isOptional = property.type === "Property" && property.value.type === "AssignmentPattern"
        if (property.type === "Property") add(moduleOf(init), property.key, property.start, isOptional)
      }
    }
  })
  const asked = new Set(members.flatMap(({ isGuarded, module, name }) => (isGuarded ? `${module} ${name}` : [])))
  return members.filter(({ module, name }) => name !== "default" && !asked.has(`${module} ${name}`))
}
