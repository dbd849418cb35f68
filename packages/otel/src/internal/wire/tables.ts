/** The tables of the walk: what it does at each field of a message, and the table of the message inside. */
import * as action from "./action.ts"
import { anyValue, type Field, type Message, requests, type Signal, spanKinds } from "./schema.ts"

/** Tags below are in the tables: those of fields up to 31, which are all. */
export const knownTags = 256

/** Plain fields and no getters: the walk reads them at each message. */
export interface Table {
  readonly message: Message
  /** An {@link action} for each tag: the number of a field and its wire type. */
  readonly actions: Uint8Array
  /** By the number of the field. */
  readonly inner: ReadonlyArray<Table | undefined>
  /** A span, a data point or a log record. */
  readonly isItem: boolean
  /** The table that reads all of the message, if this one passes over the messages in it. */
  readonly whole: Table | undefined
}

/** @param passesMessages whether messages, such as the attributes of a span, are passed over; the body of a log record is not */
const actionOf = ({ message, type, values, wireType }: Field, passesMessages: boolean): number => {
  switch (type) {
    case "string":
      return action.string
    case "bytes":
      return action.bytes
    case "traceId":
      return action.traceId
    case "spanId":
      return action.spanId
    case "message":
      if (message?.isItem === true) return action.item
      return passesMessages && message !== anyValue ? action.bytes : action.message
    default:
      if (values === spanKinds) return action.kind
      return wireType === 0 ? action.varint : wireType === 1 ? action.fixed64 : action.fixed32
  }
}

const actionsOf = ({ byNumber }: Message, passesMessages: boolean): Uint8Array => {
  const actions = new Uint8Array(knownTags)
  for (const field of byNumber) {
    if (field === undefined) continue
    actions[field.number * 8 + field.wireType] = actionOf(field, passesMessages)
    if (field.isRepeated && field.wireType !== 2) actions[field.number * 8 + 2] = action.packed
  }
  return actions
}

const makeTable = (message: Message, inner: ReadonlyArray<Table | undefined>, whole: Table | undefined): Table => ({
  message,
  actions: actionsOf(message, whole !== undefined),
  inner,
  isItem: message.isItem,
  whole
})

/** @param known the tables that were begun, since messages contain each other */
const build = (message: Message, isDeep: boolean, known: Map<Message, Table>): Table => {
  const before = known.get(message)
  if (before !== undefined) return before
  const inner: Array<Table | undefined> = []
  const whole = makeTable(message, inner, undefined)
  const table = message.isItem && !isDeep ? makeTable(message, inner, whole) : whole
  known.set(message, table)
  for (const field of message.byNumber) inner.push(field?.message && build(field.message, isDeep, known))
  return table
}

type Tables = Partial<Record<Signal, Table>>
const deepTables: Tables = {}
const outlines: Tables = {}

/** The table of a request. It is made with the first request. */
export const tableOf = (signal: Signal, isDeep: boolean): Table =>
  ((isDeep ? deepTables : outlines)[signal] ??= build(requests[signal], isDeep, new Map()))
