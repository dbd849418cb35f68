/** The English of a folder as a table: how many sentences each group has, and the share of them that breaks a rule. */
import { readdirSync } from "node:fs"
import { join, relative, resolve } from "node:path"
import { readDocument } from "./documents.ts"
import { type Rule, rules, type Sentence, sentencesOf, type Text } from "./sentences.ts"
import { readAll, readPython } from "./sources.ts"

export interface Group {
  readonly name: string
  readonly sentences: ReadonlyArray<Sentence>
}

/** Folders with nothing that we have written, or with texts that stand for those of users. */
const left = new Set(["node_modules", "dist", "fixtures", ".git"])

const filesOf = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return left.has(entry.name) ? [] : filesOf(path)
    return entry.isFile() ? [path] : []
  })

/** Modules and folders of the emulator that say what AWS says, byte by byte: their texts are data, and their comments ours. */
const wordsOfAws =
  /^packages\/emulator\/(?:bootstrap\/|src\/internal\/wire\/|.*\/(?:GoSyntaxError|ManagedSubscription|RegisterBody|Subscription|Wire)\.ts$)/

const isTest = (file: string): boolean => /(?:^|\/)tests?\/|\.test\.ts$/.test(file)

/** The package of a file, if the folder has packages. */
const packageOf = (file: string): string => /^packages\/[^/]+(?=\/)/.exec(file)?.[0] ?? "comments"

/** Reads a folder. Comments are a group for each package; documents, messages and the names of tests are one each. */
export const read = (path: string): ReadonlyArray<Group> => {
  const folder = resolve(path)
  const groups = new Map<string, Array<Sentence>>()
  const add = (group: string, texts: ReadonlyArray<Text>) => {
    const known = groups.get(group) ?? []
    groups.set(group, known)
    for (const text of texts) known.push(...sentencesOf({ ...text, file: relative(folder, text.file) }))
  }
  const files = filesOf(folder)
  for (const path of files.filter((path) => path.endsWith(".md"))) add("documents", readDocument(path))
  for (const [path, source] of readAll(files.filter((path) => /(?<!\.d)\.[cm]?[jt]s$/.test(path)))) {
    const file = relative(folder, path)
    if (isTest(file)) {
      add("names of tests", source.titles)
      add("comments of tests", source.comments)
    } else {
      add(packageOf(file), source.comments)
      if (!wordsOfAws.test(file)) add("messages", source.messages)
    }
  }
  for (const path of files.filter((path) => path.endsWith(".py"))) {
    const file = relative(folder, path)
    if (!isTest(file)) add(packageOf(file), readPython(path))
  }
  return Array.from(groups, ([name, sentences]) => ({ name, sentences })).filter(
    ({ sentences }) => sentences.length > 0
  )
}

const breaking = ({ sentences }: Group, rule: Rule): ReadonlyArray<Sentence> =>
  sentences.filter(({ broken }) => broken.includes(rule))

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** The table, a line for each group. */
export const table = (groups: ReadonlyArray<Group>): string => {
  const rows = [
    ["", "sentences", ...rules.map(({ name }) => name)],
    ...groups.map((group) => [
      group.name,
      String(group.sentences.length),
      ...rules.map(({ name }) => percent(breaking(group, name).length / group.sentences.length))
    ]),
    ["limits", "", ...rules.map(({ limit }) => percent(limit))]
  ]
  return rows
    .map(([name = "", ...cells]) => name.padEnd(24) + cells.map((cell) => cell.padStart(11)).join(""))
    .join("\n")
}

/** Every sentence that breaks a rule, with its place, the rule and the advice. */
export const faults = (groups: ReadonlyArray<Group>): ReadonlyArray<string> =>
  groups.flatMap((group) =>
    rules.flatMap(({ advice, name }) =>
      breaking(group, name).map(({ file, line, words }) => `${file}:${line}  ${name}: ${advice}\n    ${words}`)
    )
  )

/**
 * The groups in which more sentences break a rule than its limit allows, with these sentences. A single sentence is no
 * share: in a group of a dozen it would pass every limit.
 */
export const excesses = (groups: ReadonlyArray<Group>): ReadonlyArray<string> =>
  groups.flatMap((group) =>
    rules.flatMap(({ advice, limit, name }) => {
      const found = breaking(group, name)
      const share = found.length / group.sentences.length
      if (found.length < 2 || share <= limit) return []
      const said = `${percent(share)} of ${group.sentences.length} sentences break the rule "${name}" (${advice})`
      return [
        `${group.name}: ${said}; the limit is ${percent(limit)}`,
        found.map(({ file, line, words }) => `  ${file}:${line}  ${words}`).join("\n")
      ]
    })
  )
