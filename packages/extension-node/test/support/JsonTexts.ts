/** JSON texts at random: what `JSON.parse` followed by `JSON.stringify` would change is in them. */

/** Numbers from 0 to 1 that follow from a seed. */
export const randomFrom = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export type Random = () => number

export const upTo = (random: Random, most: number) => Math.floor(random() * (most + 1))
export const oneOf = <A>(random: Random, choices: readonly [A, ...ReadonlyArray<A>]): A =>
  choices[upTo(random, choices.length - 1)] ?? choices[0]

const digits = (random: Random, count: number) => Array.from({ length: count }, () => upTo(random, 9)).join("")

const number = (random: Random): string => {
  const choices: readonly [() => string, ...ReadonlyArray<() => string>] = [
    () => "9007199254740993",
    () => `1${digits(random, upTo(random, 40))}`,
    () => `-0.${digits(random, 1 + upTo(random, 25))}`,
    () => "-0",
    () => "1.10",
    () => `1e${digits(random, 3)}`,
    () => "1E+2",
    () => "12345.678900e-400"
  ]
  return oneOf(random, choices)()
}

const string = (random: Random): string => {
  const pieces = Array.from({ length: upTo(random, 6) }, () =>
    oneOf(random, [
      "plain ",
      "\\u00e9",
      "é",
      "😀",
      "\\ud83d\\ude00",
      "\\ud83d",
      "\\/",
      "/",
      '\\"',
      "\\\\",
      "\\n",
      "\\u000a",
      "}]",
      '},{\\"time\\":',
      "\u2028",
      "[{",
      "\uFEFF",
      ""
    ])
  )
  return `"${pieces.join("")}"`
}

const space = (random: Random): string => oneOf(random, ["", "", "", "", " ", "\t", "\n", "\r\n"])

const names = ['"a"', '"a"', '"\\u0061"', '"__proto__"', '"toJSON"', '"2"', '"1"', '""'] as const

export const value = (random: Random, depth = 4): string => {
  const items = (item: () => string) =>
    Array.from({ length: upTo(random, 4) }, () => `${space(random)}${item()}${space(random)}`).join(",")
  const choices: readonly [() => string, ...ReadonlyArray<() => string>] = [
    () => number(random),
    () => string(random),
    () => oneOf(random, ["true", "false", "null"]),
    () => `[${depth === 0 ? space(random) : items(() => value(random, depth - 1))}]`,
    () =>
      depth === 0
        ? "{}"
        : `{${items(() => `${oneOf(random, names)}${space(random)}:${space(random)}${value(random, depth - 1)}`)}}`,
    // Deep, but not too deep.
    () => (random() < 0.9 ? "[]" : `${"[".repeat(900)}${"]".repeat(900)}`)
  ]
  return oneOf(random, choices)()
}

/** A text that Lambda cuts: an object or a text, whose parts are no JSON. */
export const cuttable = (random: Random): string =>
  random() < 0.5 ? string(random) : `{"a":${value(random)}${space(random)},"b"${space(random)}:${value(random)}}`

/** The parts of a text in UTF-8, cut at random. */
export const cutAnywhere = (random: Random, bytes: Buffer): ReadonlyArray<Buffer> => {
  const cuts = Array.from({ length: upTo(random, 3) }, () => 1 + upTo(random, Math.max(0, bytes.length - 2)))
  const ends = [...new Set(cuts)].filter((cut) => cut < bytes.length).toSorted((a, b) => a - b)
  return [0, ...ends].map((from, index) => bytes.subarray(from, ends[index] ?? bytes.length))
}
