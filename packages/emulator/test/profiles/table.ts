/** The table of profiles in `docs/emulator.md`, rendered from the fields of `Profile` and their comments. */
import { profiles } from "@effect-lambda/emulator/Profile"
import * as Fs from "node:fs"

const names = ["real", "rie", "lmi"] as const

/** The fields of a profile with their comments, in the order of the source. */
export const fields = (): ReadonlyArray<readonly [field: string, comment: string]> => {
  const source = Fs.readFileSync(new URL("../../src/Profile.ts", import.meta.url), "utf8")
  const found = source.matchAll(/\/\*\*\s+(?:\* )?(?<comment>(?:(?!\*\/)[^])*?)\s*\*\/\n {2}readonly (?<field>\w+):/g)
  return Array.from(found, ({ groups: { comment = "", field = "" } = {} }) => [
    field,
    comment.replaceAll(/\s*\n\s*\* ?/g, " ").trim()
  ])
}

/** The values of a field under each profile, as cells. */
export const cells = (field: string): ReadonlyArray<string> =>
  names.map((name) => {
    const value = Object.entries(profiles[name]).find(([key]) => key === field)?.[1]
    if (value === undefined) return "none"
    if (typeof value === "boolean") return value ? "yes" : "no"
    if (typeof value === "number") return value.toLocaleString("en-US")
    if (typeof value === "string") return `\`${value}\``
    return Object.values(value)
      .map((word) => `\`${word}\``)
      .join(", ")
  })

export const render = (): string =>
  [
    `| fact | ${names.map((name) => `\`${name}\``).join(" | ")} |`,
    "|---|---|---|---|",
    ...fields().flatMap(([field, comment]) =>
      field === "name" ? [] : [`| ${comment} | ${cells(field).join(" | ")} |`]
    )
  ].join("\n")

export const document = new URL("../../../../docs/emulator.md", import.meta.url)

const marked = /(?<=<!-- profiles:begin[^>]*-->\n\n)[^]*?(?=\n\n<!-- profiles:end -->)/

/** The table as a document has it; `undefined` without the marks. */
export const tableOf = (text: string): string | undefined => marked.exec(text)?.[0]

export const withTable = (text: string): string => text.replace(marked, () => render())
