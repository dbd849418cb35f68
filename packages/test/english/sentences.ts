/** The rules of plain English, as a reader applies them to a single sentence. */

/** A text as a person reads it, with the place that holds it. */
export interface Text {
  readonly file: string
  /** The line of its first character. */
  readonly line: number
  readonly text: string
}

export interface Sentence {
  readonly file: string
  readonly line: number
  readonly words: string
  /** The rules that the sentence breaks; empty if it reads well. */
  readonly broken: ReadonlyArray<Rule>
}

/** A rule, with the share of sentences that may break it: Effect, msw, hono and dfx keep within these. */
export const rules = [
  {
    name: "opener",
    advice: "open with the thing: subject and verb first",
    limit: 0.03,
    isBroken: (sentence: string) =>
      /^[`"“(*_[]*(?:what|where|who|whoever|whose|whom|nobody|one|it|of|those|neither|without it|beside)\b/i.test(
        sentence
      )
  },
  {
    name: "where",
    // The limit leaves room for real places, such as a folder.
    advice: "say if or when for a condition; where is for places",
    limit: 0.015,
    isBroken: (sentence: string) => /\bwhere\b/i.test(sentence)
  },
  {
    name: "odd",
    advice: "take the usual word",
    limit: 0.01,
    isBroken: (sentence: string) =>
      /\b(?:of (?:its|their|one's|his|my|our|your) own|anew|whoever|nobody|shall|meanwhile|all the same|is over|goes by|in the place of|stands? (?:in|twice|again)|as far as|no longer than|cannot be had|once more|at most so)\b/i.test(
        sentence
      )
  },
  {
    name: "long",
    advice: "say it in at most 30 words; 25 is the aim",
    limit: 0.04,
    isBroken: (sentence: string) => sentence.split(" ").length > 30
  }
] as const

export type Rule = (typeof rules)[number]["name"]

/** Fewer words are a heading or a name. */
const shortest = 4

/** An empty line, or the start of a heading or of an item of a list. */
const betweenBlocks = /(?:^|\n(?:\s*\n)?)\s*(?:[-*#>]+|\d+[.)])\s|\n\s*\n/g
/** Bold words and links may open a sentence. */
const betweenSentences = /(?<=[.!?:;][*_]*)\s+(?=[*_[]*[A-Z`“"(])/g

const split = (text: Text, separator: RegExp): ReadonlyArray<Text> => {
  const parts: Array<Text> = []
  let start = 0
  let line = text.line
  const add = (end: number, next: number) => {
    const part = text.text.slice(start, end)
    const before = part.length - part.trimStart().length
    parts.push({ file: text.file, line: line + newlines(part.slice(0, before)), text: part.trim() })
    line += newlines(text.text.slice(start, next))
    start = next
  }
  for (const match of text.text.matchAll(separator)) add(match.index, match.index + match[0].length)
  add(text.text.length, text.text.length)
  return parts
}

const newlines = (text: string): number => text.split("\n").length - 1

export const sentencesOf = (text: Text): ReadonlyArray<Sentence> =>
  split(text, betweenBlocks)
    .flatMap((block) => split(block, betweenSentences))
    .map(({ file, line, text }) => {
      const words = text.replaceAll(/\s+/g, " ")
      return { file, line, words, broken: rules.filter(({ isBroken }) => isBroken(words)).map(({ name }) => name) }
    })
    .filter(({ words }) => words.split(" ").length >= shortest)
