/** The contrast of the colours of the report page, by WCAG 2.2 AA. In SVG no checker in a browser looks at it. */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"

const style = readFileSync(join(import.meta.dirname, "../page/page.css"), "utf8")

const [light = {}, dark = {}] = Array.from(style.matchAll(/:root \{([^}]*)\}/g), ([, block = ""]) =>
  Object.fromEntries(
    Array.from(block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g), ([, name = "", colour = ""]) => [name, colour])
  )
)

const luminance = (colour: string): number => {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

const contrast = (one: string, other: string): number => {
  const [dim = 0, bright = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b)
  return (bright + 0.05) / (dim + 0.05)
}

const bars = ["init", "work", "held", "after", "shutdown", "lost"]
const texts: ReadonlyArray<readonly [string, string]> = [
  ...bars.map((bar) => [`${bar}-text`, bar] as const),
  ...["text", "muted", "link", "bad", "good", "warned"].flatMap((text) =>
    ["back", "panel", "strip"].map((back) => [text, back] as const)
  ),
  ["text", "target"]
]
const marks = ["fault", "bad", "warned", "note", "delivered", "log", "wait", "stripe"]

describe.each([
  ["light", light],
  ["dark", { ...light, ...dark }]
])("%s", (_, colours: Readonly<Record<string, string>>) => {
  const between = (one: string, other: string) => contrast(colours[one] ?? "", colours[other] ?? "")

  it.each(texts)("the text %s on %s has at least 4.5", (text, back) => {
    assert.isAtLeast(between(text, back), 4.5)
  })

  it.each(marks)("the shape %s has at least 3", (mark) => {
    assert.isAtLeast(between(mark, "back"), 3)
  })
})
