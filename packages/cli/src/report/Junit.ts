/** The results of a command as a JUnit file, which CI systems show: the form of the Ant task, as Jenkins reads it. */
import * as Flag from "effect/cli/Flag"
import * as Disk from "../shared/Disk.ts"

/**
 * One result. A failure has a message, and the details under it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Case {
  readonly name: string
  /** The group, such as the family of a scenario. */
  readonly group: string
  readonly millis: number
  readonly outcome:
    | { readonly _tag: "Passed" }
    | { readonly _tag: "Failed"; readonly type: string; readonly message: string; readonly details: string }
    | { readonly _tag: "Skipped"; readonly message: string }
  /** Further text, such as a warning. */
  readonly output?: string
}

/**
 * Cases that belong together.
 *
 * @category models
 * @since 0.1.0
 */
export interface Suite {
  readonly name: string
  readonly cases: ReadonlyArray<Case>
}

/** XML 1.0 has no place for these characters, also not as a reference. */
// eslint-disable-next-line no-control-regex -- these are the characters to remove
const impossible = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\n": "&#10;",
  "\r": "&#13;",
  "\t": "&#9;"
}

/** A text for an attribute or an element. Nothing of it is markup. */
const escape = (text: string): string =>
  text
    .toWellFormed()
    .replace(impossible, "\ufffd")
    .replace(/[&<>"\n\r\t]/g, (character) => entities[character] ?? character)

const seconds = (millis: number): string => (millis / 1000).toFixed(3)

const contentOf = ({ outcome, output }: Case): string => {
  const printed = output === undefined ? "" : `<system-out>${escape(output)}</system-out>`
  switch (outcome._tag) {
    case "Passed":
      return printed
    case "Failed":
      return `<failure type="${escape(outcome.type)}" message="${escape(outcome.message)}">${escape(outcome.details)}</failure>${printed}`
    case "Skipped":
      // As a text, which every reader and schema takes; the attribute `message` came later.
      return `<skipped>${escape(outcome.message)}</skipped>${printed}`
  }
}

const attributes = ({ cases, name }: Suite): string => {
  const count = (tag: Case["outcome"]["_tag"]) => cases.filter(({ outcome }) => outcome._tag === tag).length
  const time = seconds(cases.reduce((sum, { millis }) => sum + millis, 0))
  return `name="${escape(name)}" tests="${cases.length}" failures="${count("Failed")}" errors="0" skipped="${count("Skipped")}" time="${time}"`
}

/**
 * The file as text.
 *
 * @category rendering
 * @since 0.1.0
 */
export const render = (suite: Suite): string => {
  const cases = suite.cases.map(
    (one) =>
      `    <testcase name="${escape(one.name)}" classname="${escape(one.group)}" time="${seconds(one.millis)}">${contentOf(one)}</testcase>`
  )
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    "<testsuites>",
    `  <testsuite ${attributes(suite)}>`,
    ...cases,
    "  </testsuite>",
    "</testsuites>",
    ""
  ].join("\n")
}

/**
 * Writes the file, whole or not at all.
 *
 * @category rendering
 * @since 0.1.0
 */
export const write = (file: string, suite: Suite) => Disk.writeFile(file, Buffer.from(render(suite)))

/**
 * The flag `--junit` of a command, for what it calls its results.
 *
 * @category flags
 * @since 0.1.0
 */
export const flag = (results: string) =>
  Flag.Path("junit").pipe(
    Flag.withMetavar("FILE.xml"),
    Flag.withDescription(`Write ${results} as JUnit, for the test view of a CI system`),
    Flag.optional
  )
