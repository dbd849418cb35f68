/** The tables of messages are those of the official definitions. */
import { assert, describe, it } from "@effect/vitest"
import protobuf from "protobufjs"
import { type Message, requests, type Signal } from "../../src/internal/wire/schema.ts"
import { ofProfiles, requestType } from "../support/official.ts"

const signals: ReadonlyArray<Signal> = ["traces", "metrics", "logs"]

const isId = (name: string) => name === "traceId" || name === "spanId" || name === "parentSpanId"

const typeOf = ({ name, resolvedType, type }: protobuf.Field): string => {
  if (resolvedType instanceof protobuf.Enum) return "enum"
  if (resolvedType !== null) return "message"
  return isId(name) ? (name === "traceId" ? "traceId" : "spanId") : type
}

const valuesOf = ({ resolvedType }: protobuf.Field): ReadonlyArray<string> | undefined => {
  if (!(resolvedType instanceof protobuf.Enum)) return undefined
  return Object.entries(resolvedType.values)
    .toSorted(([, one], [, other]) => one - other)
    .map(([name]) => name)
}

const official = (type: protobuf.Type) =>
  type.fieldsArray
    .filter(({ name }) => !ofProfiles.has(name))
    .map((field) => ({
      number: field.id,
      name: field.name,
      type: typeOf(field),
      isRepeated: field.repeated,
      values: valuesOf(field)
    }))
    .toSorted((one, other) => one.number - other.number)

const ours = (message: Message) =>
  message.byNumber.flatMap((field) =>
    field === undefined
      ? []
      : [
          {
            number: field.number,
            name: field.name,
            type: field.type,
            isRepeated: field.isRepeated,
            values: field.values?.names.map((name) => `${field.values?.prefix}${name}`)
          }
        ]
  )

/** Compares a message with all that are in it, each once. */
const compare = (message: Message, type: protobuf.Type, seen: Set<protobuf.Type>): void => {
  if (seen.has(type)) return
  seen.add(type)
  assert.deepStrictEqual(ours(message), official(type), type.fullName)
  assert.strictEqual(message.isItem, /\.(Span|LogRecord|\w+DataPoint)$/.test(type.fullName), type.fullName)
  for (const field of type.fieldsArray) {
    const inner = message.byName.get(field.name)?.message
    if (field.resolvedType instanceof protobuf.Type) compare(inner ?? assert.fail(field.name), field.resolvedType, seen)
  }
}

describe("the table of a request", () => {
  it.each([
    ["traces", 12],
    ["metrics", 23],
    ["logs", 10]
  ] as const)("of %s has the fields of the official definition", (signal, least) => {
    const seen = new Set<protobuf.Type>()
    compare(requests[signal], requestType(signal), seen)
    assert.isAtLeast(seen.size, least)
  })

  it("there is one for each signal", () => assert.sameMembers(Object.keys(requests), [...signals]))
})
