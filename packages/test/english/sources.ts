/** The English of source files, read through TypeScript's own syntax tree: comments, messages and the names of tests. */
import { readFileSync } from "node:fs"
import {
  isBinaryExpression,
  isCallExpression,
  isExportDeclaration,
  isIdentifier,
  isImportDeclaration,
  isNoSubstitutionTemplateLiteral,
  isPropertyAccessExpression,
  isRegularExpressionLiteral,
  isStringLiteral,
  isTemplateExpression,
  isTypeNode,
  type Node,
  type SourceFile,
  SyntaxKind
} from "typescript/unstable/ast"
import { API } from "typescript/unstable/sync"
import { readMarkdown } from "./documents.ts"
import type { Text } from "./sentences.ts"

export interface Source {
  readonly comments: ReadonlyArray<Text>
  readonly messages: ReadonlyArray<Text>
  /** The titles of `it`, `test` and `describe`. */
  readonly titles: ReadonlyArray<Text>
}

/** A value that a text is given when the program runs. */
const placeholder = "…"

/** Parses files with the TypeScript of this project and reads each. The paths are absolute. */
export const readAll = (paths: ReadonlyArray<string>): ReadonlyMap<string, Source> => {
  // A project of these files and nothing that they import: the syntax is all that is needed.
  const config = "/plain-english/tsconfig.json"
  const compilerOptions = { allowJs: true, noLib: true, noResolve: true, types: [] }
  const content = JSON.stringify({ compilerOptions, files: paths })
  const api = new API({
    fs: {
      fileExists: (path) => (path === config ? true : undefined),
      readFile: (path) => (path === config ? content : undefined)
    }
  })
  try {
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config)
    return new Map(
      paths.map((path) => {
        const file = project?.program.getSourceFile(path)
        if (file === undefined) throw new Error(`TypeScript does not parse ${path}`)
        return [path, read(path, file)]
      })
    )
  } finally {
    api.close()
  }
}

const read = (path: string, file: SourceFile): Source => {
  const comments: Array<Text> = []
  const messages: Array<Text> = []
  const titles: Array<Text> = []
  const literals: Array<Node> = []
  const textAt = (node: Node, text: string): Text => ({
    file: path,
    line: lineAt(file.text, node.getStart(file)),
    text
  })
  const visit = (node: Node): void => {
    if (isImportDeclaration(node) || isExportDeclaration(node) || isTypeNode(node)) return
    if (isLiteral(node)) literals.push(node)
    const title = titleOf(node)
    if (title !== undefined) titles.push(textAt(title, written(title)))
    if (isText(node) && !isRefusal(node) && !(isText(node.parent) && isBinaryExpression(node.parent))) {
      const text = textAt(node, written(node))
      if (isScript(node, file)) {
        const script = readScript({ ...text, text: node.getText(file) })
        comments.push(...script.comments)
        messages.push(...script.messages)
      } else if (isProse(text.text)) messages.push(text)
    }
    node.forEachChild(visit)
  }
  visit(file)
  comments.push(...commentsOf(path, withoutLiterals(file, literals)))
  return { comments, messages, titles }
}

const lineAt = (text: string, position: number): number => text.slice(0, position).split("\n").length

const isLiteral = (node: Node): boolean =>
  isStringLiteral(node) ||
  isNoSubstitutionTemplateLiteral(node) ||
  isRegularExpressionLiteral(node) ||
  node.kind === SyntaxKind.TemplateHead ||
  node.kind === SyntaxKind.TemplateMiddle ||
  node.kind === SyntaxKind.TemplateTail

/** A string, a template, or a sum that has either. */
const isText = (node: Node): boolean =>
  isStringLiteral(node) ||
  isNoSubstitutionTemplateLiteral(node) ||
  isTemplateExpression(node) ||
  (isBinaryExpression(node) &&
    node.operatorToken.kind === SyntaxKind.PlusToken &&
    (isText(node.left) || isText(node.right)))

/** The text with placeholders for the values that are known only when the program runs. */
const written = (node: Node): string => {
  if (isStringLiteral(node) || isNoSubstitutionTemplateLiteral(node)) return node.text
  if (isTemplateExpression(node)) {
    return node.templateSpans.reduce((text, span) => text + placeholder + span.literal.text, node.head.text)
  }
  return isBinaryExpression(node) && isText(node) ? written(node.left) + written(node.right) : placeholder
}

/** The emulator refuses in the words of AWS: the texts that its functions `refuse…` are called with are recorded bytes. */
const isRefusal = (node: Node): boolean =>
  isCallExpression(node.parent) &&
  isIdentifier(node.parent.expression) &&
  node.parent.expression.text.startsWith("refuse")

const isScript = (node: Node, file: SourceFile): boolean =>
  (isTemplateExpression(node) || isNoSubstitutionTemplateLiteral(node)) && node.getText(file).split("\n").length > 4

/** A comment of several lines, or all comments of lines that follow each other. */
const comment = /\/\*\*?([\s\S]*?)\*\/|((?:^[ \t]*(?:\/\/|#(?!!))[^\n]*\n)+)|[ \t]\/\/ ([^\n]*)/gm

const commentsOf = (file: string, code: string): ReadonlyArray<Text> =>
  Array.from(code.matchAll(comment), ({ 1: block, 2: lines, 3: end = "", index }) => ({
    file,
    line: lineAt(code, index),
    text: block?.replaceAll(/^[ \t]*\*/gm, "") ?? lines?.replaceAll(/^[ \t]*(?:\/\/|#)/gm, "") ?? end
  })).flatMap(readMarkdown)

/** The code with blanks in place of its texts, so that `//` in a text is no comment. */
const withoutLiterals = (file: SourceFile, literals: ReadonlyArray<Node>): string => {
  let code = ""
  for (const literal of literals) {
    const start = literal.getStart(file)
    code += file.text.slice(code.length, start)
    code += file.text.slice(start, literal.end).replaceAll(/[^\n]/g, " ")
  }
  return code + file.text.slice(code.length)
}

/** A script within a template, such as the stub: its comments, and the texts that it has in quotation marks. */
const readScript = ({ file, line, text }: Text): Pick<Source, "comments" | "messages"> => {
  const within = (found: Text): Text => ({ ...found, line: found.line + line - 1 })
  const code = text.replaceAll(comment, (found) => found.replaceAll(/[^\n]/g, " "))
  return {
    comments: commentsOf(file, text).map(within),
    messages: Array.from(code.matchAll(/"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'/g), ({ 1: double, 2: single, index }) =>
      within({ file, line: lineAt(code, index), text: double ?? single ?? "" })
    ).filter(({ text }) => isProse(text))
  }
}

/** Says whether most of a text is words of English rather than code. */
const isProse = (text: string): boolean => {
  const words = text.split(/\s+/)
  const plain = words.filter((word) => /^[("'`“]*[A-Za-z][a-z]*(?:['’-][a-z]+)*[.,;:!?)"'`”]*$/.test(word))
  return plain.length >= 3 && plain.length * 2 >= words.length
}

const titled = new Set(["it", "test", "describe"])

/** The title of a test: the first argument of `it(…)`, `it.effect(…)`, `it.each(…)(…)` and the like. */
const titleOf = (node: Node): Node | undefined => {
  if (!isCallExpression(node)) return undefined
  let callee: Node = node.expression
  while (isPropertyAccessExpression(callee) || isCallExpression(callee)) callee = callee.expression
  const [title] = node.arguments
  return title !== undefined && isIdentifier(callee) && titled.has(callee.text) && isText(title) ? title : undefined
}

/** The comments of a Python file; the syntax tree above is that of TypeScript and JavaScript. */
export const readPython = (path: string): ReadonlyArray<Text> => {
  const code = readFileSync(path, "utf8")
  const found = code.matchAll(/"{3}([\s\S]*?)"{3}|((?:^[ \t]*#(?!!)[^\n]*\n)+)/gm)
  return Array.from(found, ({ 1: block, 2: lines = "", index }) => ({
    file: path,
    line: lineAt(code, index),
    text: block ?? lines.replaceAll(/^[ \t]*#/gm, "")
  }))
}
