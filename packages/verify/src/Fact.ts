/** A fact of docs/protocol.md that a recording can show or contradict. */
import type { Answer } from "./Recording.ts"
import { answersTo, field, objectIn, type Seen } from "./Seen.ts"

/** How the document knows a fact; the words are those of its marks. */
export type Mark = "aws" | "code" | "rie" | "openapi" | "docs" | "others" | "open"

/** The verdict of a scenario about a fact. */
export type Judgement =
  | { readonly _tag: "Agrees"; readonly count: number }
  | { readonly _tag: "Differs"; readonly seen: string }
  | { readonly _tag: "Observed"; readonly seen: string }

export interface Fact {
  /** A short name that no other fact has. */
  readonly id: string
  /** The heading that has the fact. */
  readonly anchor: `docs/protocol.md#${string}`
  readonly mark: Mark
  /** The fact, as a sentence. */
  readonly says: string
  /** The scenarios that may show it; by default each one. */
  readonly scenarios?: ReadonlyArray<string>
  /** `undefined` if the scenario shows nothing about it. */
  readonly judge: (seen: Seen) => Judgement | undefined
}

const shown = (value: unknown) => {
  const text = typeof value === "string" ? value : JSON.stringify(value)
  return text.length > 400 ? `${text.slice(0, 400)}…` : text
}

/** Agrees if every value passes; shows the first that does not. */
export const each = <A>(
  values: ReadonlyArray<A>,
  holds: (value: A) => boolean,
  show: (value: A) => unknown = (value) => value
): Judgement | undefined => {
  if (values.length === 0) return undefined
  const other = values.find((value) => !holds(value))
  return other === undefined ? { _tag: "Agrees", count: values.length } : { _tag: "Differs", seen: shown(show(other)) }
}

/** Agrees if one of the values passes. Shows all of them otherwise. */
export const some = <A>(
  values: ReadonlyArray<A>,
  holds: (value: A) => boolean,
  show: (value: A) => unknown = (value) => value
): Judgement | undefined => {
  if (values.length === 0) return undefined
  const count = values.filter(holds).length
  return count > 0 ? { _tag: "Agrees", count } : { _tag: "Differs", seen: shown(values.map(show)) }
}

/** The different values that were seen about an open point. */
export const observed = (values: ReadonlyArray<unknown>): Judgement | undefined =>
  values.length === 0 ? undefined : { _tag: "Observed", seen: shown([...new Set(values.map(shown))].join(" · ")) }

const showAnswer = ({ body, status }: Answer) => `${status} ${body}`

/** A refusal in the order of rapid (`errorMessage` first, a line feed at the end) or of the telemetry service. */
export const refusal = (options: {
  readonly id: string
  readonly anchor: Fact["anchor"]
  readonly mark: Mark
  readonly call: string
  readonly status: number
  readonly errorType: string
  /** The whole message, or a pattern if it holds a name or a number. */
  readonly errorMessage: string | RegExp
  readonly by: "rapid" | "telemetry"
}): Fact => {
  const { by, call, errorMessage, errorType, status } = options
  const isMessage = (text: unknown) =>
    typeof text === "string" && (typeof errorMessage === "string" ? text === errorMessage : errorMessage.test(text))
  const isBody = (body: string) => {
    const object = objectIn(body)
    const order = Object.keys(object).join(" ")
    const isOrder = order === (by === "rapid" ? "errorMessage errorType" : "errorType errorMessage")
    return isOrder && body.endsWith("\n") === (by === "rapid") && object["errorType"] === errorType
  }
  return {
    id: options.id,
    anchor: options.anchor,
    mark: options.mark,
    says: `${call} is answered with ${status} \`${errorType}\`, \`${String(errorMessage)}\``,
    judge: (seen) =>
      each(
        answersTo(seen, call),
        (answer) =>
          answer.status === status && isBody(answer.body) && isMessage(field(objectIn(answer.body), "errorMessage")),
        showAnswer
      )
  }
}
