/** Regular expressions of the sources against texts that make a careless one slow: time grows as the text does. */
import { assert, describe, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { parseSync, Visitor } from "rolldown/utils"

const packages = join(import.meta.dirname, "..")

interface Expression {
  readonly place: string
  readonly regex: RegExp
}

const expressionsOf = (file: string): ReadonlyArray<Expression> => {
  const text = readFileSync(file, "utf8")
  const found: Array<Expression> = []
  const add = (start: number, pattern: string, flags: string) => {
    const line = text.slice(0, start).split("\n").length
    found.push({
      place: `${relative(packages, file)}:${line} /${pattern}/${flags}`,
      regex: new RegExp(pattern, flags)
    })
  }
  new Visitor({
    Literal: (node) => {
      if ("regex" in node && node.regex !== null) add(node.start, node.regex.pattern, node.regex.flags)
    },
    NewExpression: ({ arguments: [pattern, flags], callee, start }) => {
      if (callee.type !== "Identifier" || callee.name !== "RegExp" || pattern?.type !== "TemplateLiteral") return
      // A letter does for each part that is put in: the slow part is usually the one around it.
      const whole = pattern.quasis.map(({ value }) => value.cooked).join("x")
      add(start, whole, flags?.type === "Literal" && typeof flags.value === "string" ? flags.value : "")
    }
  }).visit(parseSync(file, text).program)
  return found
}

const expressions = globSync(join(packages, "{*,examples/*}/src/**/*.ts"), {
  exclude: (path) => path.includes("node_modules")
}).flatMap(expressionsOf)

/** The literal texts of a pattern, longest first: what a text must hold to keep the expression at work. */
const literalsOf = (regex: RegExp): ReadonlyArray<string> => {
  const runs = [""]
  for (const [part] of regex.source.matchAll(/\\[nrt]|\\[a-zA-Z]|\\.|[^]/g)) {
    const isSyntax = part.length === 1 ? "()[]{}*+?|^$.".includes(part) : /[a-zA-Z]/.test(part.slice(1))
    const escaped = { "\\n": "\n", "\\r": "\r", "\\t": "\t" }[part]
    if (escaped !== undefined) runs[runs.length - 1] += escaped
    else if (isSyntax) runs.push("")
    else runs[runs.length - 1] += part.slice(-1)
  }
  return [...new Set(runs.filter((run) => run !== ""))].toSorted((a, b) => b.length - a.length).slice(0, 12)
}

const common = ["a", " ", "\t", "\n", '"', "=", "0", "/", "}", "{", "\n}", "]"]

/** A beginning, a part that comes again and again, and an end that does not fit. */
const attacksOn = (regex: RegExp) => {
  const literals = literalsOf(regex)
  const characters = [...new Set(literals.join(""))].slice(0, 10)
  const pairs = characters.flatMap((a) => characters.map((b) => a + b))
  const parts = [...new Set([...literals, ...common, ...pairs])]
  const beginnings = ["", literals[0] ?? "", ...literals.slice(1, 3)]
  return [...new Set(beginnings)].flatMap((beginning) =>
    parts.map((part) => (length: number) => `${beginning}${part.repeat(Math.ceil(length / part.length))}\0\n#`)
  )
}

/** Milliseconds of this thread. With the share of the system: Linux guesses how the two divide what it has measured. */
const millis = (regex: RegExp, text: string): number => {
  const before = process.threadCpuUsage()
  regex.lastIndex = 0
  if (regex.global) text.replaceAll(regex, "")
  else regex.test(text)
  const { system, user } = process.threadCpuUsage(before)
  return (system + user) / 1000
}

/** Eight times the text: 8 is linear, 64 is quadratic. Too fast to tell is linear. */
const growth = (regex: RegExp, attack: (length: number) => string): number => {
  const [short, long] = [attack(2000), attack(16_000)]
  if (millis(regex, long) < 5) return 0
  let [small, large] = [Infinity, Infinity]
  // A busy machine adds to a time and takes nothing away: the best of a few runs counts.
  for (let run = 1; run <= 3 || (run <= 8 && large / small > limit); run++) {
    small = Math.min(small, Math.max(millis(regex, short), 0.05))
    large = Math.min(large, millis(regex, long))
  }
  return large / small
}

const limit = 24
const isSlow = (regex: RegExp): boolean => attacksOn(regex).some((attack) => growth(regex, attack) > limit)

describe("the time of a regular expression grows as its text does", () => {
  it("finds the expressions that were slow", () => {
    for (const slow of [/=+$/, / \{\s+$|(?:\n *\})+$/, /new URL\([^)]*import\.meta\.url/]) {
      assert.isTrue(isSlow(slow), String(slow))
    }
  })

  it("in every source", () => {
    assert.isAbove(expressions.length, 100)
    // An expression that is put together from texts.
    assert.isTrue(expressions.some(({ place }) => /Elf\.ts:\d+ \/\^x_/.test(place)))
    assert.deepStrictEqual(
      expressions.filter(({ regex }) => isSlow(regex)).map(({ place }) => place),
      []
    )
  })
})
