/** The records of a body as it came. No JSON parser reads the parts that must not change: numbers of any size, double keys. */
import { idOf } from "./Plan.ts"

/** A log line at the backend. */
export interface Shipped {
  readonly id: number | undefined
  /** The text of a record that is text; the characters of a record that is an object. */
  readonly text: string
  readonly batch: string
}

/** The elements of a JSON array, each as it is written. */
const elementsOf = (array: string): ReadonlyArray<string> => {
  const elements: Array<string> = []
  let depth = 0
  let begin = 1
  let isString = false
  for (let at = 0; at < array.length; at++) {
    const character = array[at]
    if (isString) {
      if (character === "\\") at++
      else if (character === '"') isString = false
      continue
    }
    if (character === '"') isString = true
    else if (character === "{" || character === "[") depth++
    else if (character === "}" || character === "]") depth--
    else if (character === "," && depth === 1) {
      elements.push(array.slice(begin, at))
      begin = at + 1
    }
  }
  return array.length > 2 ? [...elements, array.slice(begin, -1)] : []
}

/** `record` is the last field of an event of Lambda. */
const recordOf = (event: string): string => {
  const raw = event.slice(event.indexOf('"record":') + '"record":'.length, -1)
  const text: unknown = raw.startsWith('"') ? JSON.parse(raw) : raw
  return typeof text === "string" ? text.replace(/\r?\n$/, "") : raw
}

/** The records of the function in a body; text that is not JSON is a problem. */
export const recordsOf = (
  body: string,
  isArray: boolean,
  batch: string,
  problems: Array<string>
): ReadonlyArray<Shipped> => {
  const events = isArray ? elementsOf(body) : body.split("\n").filter((line) => line !== "")
  return events.flatMap((event) => {
    try {
      const { type } = JSON.parse(event)
      if (type !== "function") return []
    } catch {
      problems.push(`no JSON is at the backend: ${event.slice(0, 200)}`)
      return []
    }
    const text = recordOf(event)
    return [{ id: idOf(text), text, batch }]
  })
}
