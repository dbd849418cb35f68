/** The doc comments of what a package exports, as the compiler reads them. */
import { join, relative, resolve } from "node:path"
import {
  isExpressionWithTypeArguments,
  isCallExpression,
  isPropertyAccessExpression,
  isPropertySignatureDeclaration,
  isTypeLiteralNode,
  type Node,
  type PropertySignatureDeclaration
} from "typescript/unstable/ast"
import { API, type Checker, SymbolFlags } from "typescript/unstable/sync"

export interface PublicDocs {
  /** Each export of a public module, as `Module.ts: name`, with the text and the tags of its doc comment. */
  readonly exports: ReadonlyArray<{
    readonly path: string
    readonly text: string
    readonly tags: ReadonlyArray<string>
  }>
  /** Each member of a service, as `Module.ts: member`, and whether it has a doc comment. */
  readonly members: ReadonlyArray<{ readonly path: string; readonly hasComment: boolean }>
}

const packages = resolve(import.meta.dirname, "../..")

/** Reads the public modules of a package: those that lie in no folder `internal`. */
export const read = (name: string): PublicDocs => {
  const api = new API({ cwd: packages })
  try {
    const folder = join(packages, name)
    const config = join(folder, "tsconfig.json")
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config)
    if (project === undefined) throw new Error(`the compiler does not know the project of ${name}`)
    const { checker, program, rootFiles } = project
    const modules = rootFiles
      .filter((path) => path.startsWith(`${folder}/src/`) && !path.includes("/internal/"))
      .flatMap((path) => program.getSourceFile(path) ?? [])
    return {
      // A barrel exports whole modules, and each of those describes itself.
      exports: modules
        .filter((file) => !file.fileName.endsWith("/index.ts"))
        .flatMap((file) => exportsOf(checker, file, relative(`${folder}/src`, file.fileName))),
      members: modules.flatMap((file) =>
        serviceMembers(file).map((member) => ({
          path: `${relative(`${folder}/src`, file.fileName)}: ${member.name.getText()}`,
          hasComment: (member.jsDoc ?? []).length > 0
        }))
      )
    }
  } finally {
    api.close()
  }
}

const exportsOf = (checker: Checker, file: Node, module: string) => {
  const symbol = checker.getSymbolAtLocation(file)
  if (symbol === undefined) return []
  return checker.getExportsOfModule(symbol).map((found) => {
    const named = (found.flags & SymbolFlags.Alias) === 0 ? found : checker.getAliasedSymbol(found)
    return {
      path: `${module}: ${found.name}`,
      text: named.getDocumentationComment(checker),
      tags: named.getJsDocTags(checker).map(({ name }) => name)
    }
  })
}

/** The members that a type literal behind `Context.Service` or `Context.Reference` declares. */
const serviceMembers = (root: Node) => {
  const found: Array<PropertySignatureDeclaration> = []
  const visit = (node: Node): void => {
    if (
      (isCallExpression(node) || isExpressionWithTypeArguments(node)) &&
      isPropertyAccessExpression(node.expression) &&
      /^Context\.(Service|Reference)$/.test(node.expression.getText())
    ) {
      for (const argument of node.typeArguments ?? []) {
        if (isTypeLiteralNode(argument)) found.push(...argument.members.filter(isPropertySignatureDeclaration))
      }
    }
    node.forEachChild(visit)
  }
  visit(root)
  return found
}
