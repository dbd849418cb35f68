/**
 * The lines that a package logs, as the compiler reads its sources: the texts that reach `Effect.log…`, directly or
 * over parameters of functions.
 */
import { join, resolve } from "node:path"
import {
  isArrowFunction,
  isBinaryExpression,
  isCallExpression,
  isConditionalExpression,
  isElementAccessExpression,
  isFunctionExpression,
  isIdentifier,
  isNoSubstitutionTemplateLiteral,
  isObjectLiteralExpression,
  isParameterDeclaration,
  isParenthesizedExpression,
  isPropertyAssignment,
  isStringLiteral,
  isTemplateExpression,
  isVariableDeclaration,
  type Node,
  SyntaxKind
} from "typescript/unstable/ast"
import { API, type Checker, type Project, type Symbol, SymbolFlags } from "typescript/unstable/sync"

export interface Messages {
  /** Each line, with `…` for a part that is known only when the program runs. */
  readonly logged: ReadonlyArray<string>
  /** The expressions that are logged and hold no text, as the source writes them. */
  readonly elsewhere: ReadonlyArray<string>
  /** All texts of the sources, logged or not. */
  readonly texts: ReadonlyArray<string>
}

const packages = resolve(import.meta.dirname, "../..")

/** Reads the sources of these packages. `functions`: those that make the text of an error that is logged later. */
export const read = (names: ReadonlyArray<string>, functions: ReadonlySet<string>): Messages => {
  const api = new API({ cwd: packages })
  try {
    const configs = names.map((name) => join(packages, name, "tsconfig.json"))
    const snapshot = api.updateSnapshot({ openProjects: configs })
    const all = names.map((name, index) => {
      const project = snapshot.getProject(configs[index] ?? "")
      if (project === undefined) throw new Error(`the compiler does not know the project of ${name}`)
      return readProject(project, join(packages, name, "src"), functions)
    })
    return {
      logged: all.flatMap(({ logged }) => logged),
      elsewhere: all.flatMap(({ elsewhere }) => elsewhere),
      texts: all.flatMap(({ texts }) => texts)
    }
  } finally {
    api.close()
  }
}

const readProject = (project: Project, folder: string, functions: ReadonlySet<string>): Messages => {
  const { checker, program } = project
  const nodes = project.rootFiles
    .filter((path) => path.startsWith(`${folder}/`))
    .flatMap((path) => {
      const file = program.getSourceFile(path)
      if (file === undefined) throw new Error(`the compiler did not read ${path}`)
      return descendantsOf(file)
    })
  const calls = nodes.filter(isCallExpression)
  const callees = checker.getSymbolAtLocation(calls.map(({ expression }) => expression)).map((symbol) => {
    if (symbol === undefined || (symbol.flags & SymbolFlags.Alias) === 0) return symbol
    return checker.getAliasedSymbol(symbol)
  })
  /** The parameters that reach the log, by function. */
  const reaching = new Map<number, Set<number>>()
  const argumentsOf = () =>
    calls.flatMap((call, index) => {
      const callee = callees[index]
      if (callee === undefined) return []
      const places = isLog(callee) || functions.has(callee.name) ? [0] : [...(reaching.get(callee.id) ?? [])]
      return places.flatMap((place) => call.arguments[place] ?? [])
    })
  // A function may hand its text to another one that is read later.
  for (let known = -1; known !== sizeOf(reaching);) {
    known = sizeOf(reaching)
    for (const argument of argumentsOf()) {
      for (const sentence of sentencesOf(argument)) noteParameter(project, sentence, reaching)
    }
  }
  const logged: Array<string> = []
  const elsewhere: Array<string> = []
  for (const argument of argumentsOf()) {
    const written = writtenBy(project, argument)
    logged.push(...written.filter((text) => text !== gap))
    if (written.every((text) => text === gap)) elsewhere.push(argument.getText())
  }
  return { logged, elsewhere, texts: nodes.filter(isText).flatMap((node) => writtenBy(project, node)) }
}

const sizeOf = (reaching: ReadonlyMap<number, ReadonlySet<number>>): number =>
  Array.from(reaching.values()).reduce((sum, places) => sum + places.size, 0)

const descendantsOf = (node: Node): ReadonlyArray<Node> => {
  const found: Array<Node> = []
  const visit = (child: Node): void => {
    found.push(child)
    child.forEachChild(visit)
  }
  node.forEachChild(visit)
  return found
}

/** Whether the function is a log of Effect. */
const isLog = ({ declarations, name }: Symbol): boolean =>
  /^log(?:Trace|Debug|Info|Warning|Error|Fatal)?$/.test(name) &&
  declarations.some(({ path }) => /\/effect\/(?:src|dist)\/Effect\.(?:d\.)?ts$/.test(path))

/** The values that are sentences: the whole text, or a part that a semicolon follows. Other parts are names and numbers. */
const sentencesOf = (node: Node): ReadonlyArray<Node> => [
  node,
  ...(isTemplateExpression(node) ? node.templateSpans : [])
    .filter(({ literal }) => literal.text.startsWith(";"))
    .map(({ expression }) => expression)
]

/** Notes the parameter that an identifier is, with the function that has it. */
const noteParameter = ({ checker }: Project, node: Node, reaching: Map<number, Set<number>>): void => {
  const parameter = isIdentifier(node) ? declarationOf(checker, node) : undefined
  if (parameter === undefined || !isParameterDeclaration(parameter)) return
  const made = parameter.parent
  if (!isArrowFunction(made) && !isFunctionExpression(made)) return
  const owner = isCallExpression(made.parent) ? made.parent.parent : made.parent
  const symbol = isVariableDeclaration(owner) ? checker.getSymbolAtLocation(owner.name) : undefined
  if (symbol === undefined) return
  reaching.set(symbol.id, (reaching.get(symbol.id) ?? new Set()).add(made.parameters.indexOf(parameter)))
}

const declarationOf = (checker: Checker, node: Node): Node | undefined =>
  checker.getSymbolAtLocation(node)?.declarations[0]?.resolve()

/** The place of a part that is known only when the program runs. */
const gap = "…"

const isText = (node: Node): boolean =>
  isStringLiteral(node) || isNoSubstitutionTemplateLiteral(node) || isTemplateExpression(node) || isSum(node)

const isSum = (node: Node): boolean => isBinaryExpression(node) && node.operatorToken.kind === SyntaxKind.PlusToken

const choices = new Set([SyntaxKind.QuestionQuestionToken, SyntaxKind.BarBarToken])

/** The texts that an expression can be: more than one if it has a choice. */
const writtenBy = (project: Project, node: Node): ReadonlyArray<string> => {
  if (isStringLiteral(node) || isNoSubstitutionTemplateLiteral(node)) return [node.text]
  if (isParenthesizedExpression(node)) return writtenBy(project, node.expression)
  if (isConditionalExpression(node)) {
    return [node.whenTrue, node.whenFalse].flatMap((choice) => writtenBy(project, choice))
  }
  if (isTemplateExpression(node)) {
    return node.templateSpans.reduce<ReadonlyArray<string>>(
      (texts, { expression, literal }) => {
        const known = writtenBy(project, expression)
        const values = known.includes(gap) ? [gap] : known
        return texts.flatMap((text) => values.map((value) => text + value + literal.text))
      },
      [node.head.text]
    )
  }
  if (isBinaryExpression(node)) {
    const [one, other] = [node.left, node.right].map((side) => writtenBy(project, side))
    if (one === undefined || other === undefined) return [gap]
    if (isSum(node)) return one.flatMap((text) => other.map((end) => text + end))
    return choices.has(node.operatorToken.kind) ? [...one, ...other] : [gap]
  }
  return isElementAccessExpression(node) ? valuesOf(project, node.expression) : [gap]
}

/** The texts of an object of the same module, such as one for each policy. */
const valuesOf = (project: Project, node: Node): ReadonlyArray<string> => {
  const declaration = declarationOf(project.checker, node)
  const object = declaration && isVariableDeclaration(declaration) ? declaration.initializer : undefined
  if (object === undefined || !isObjectLiteralExpression(object)) return [gap]
  return object.properties.flatMap((property) =>
    isPropertyAssignment(property) ? writtenBy(project, property.initializer) : [gap]
  )
}
