/** Changes of telemetry deliveries by faults: a batch becomes the parcels that leave for the listener. */
import * as DateTime from "effect/DateTime"
import type { DeliveryChange } from "../FaultKinds.ts"
import type { Batch } from "../telemetry/Batcher.ts"
import type { Parcel } from "../telemetry/Subscriber.ts"
import { slowConsumer } from "../telemetry/Subscriber.ts"
import type { Subscription } from "../telemetry/Subscription.ts"
import { unknownFields } from "./Answers.ts"

/** A way to change the parcels of a batch; `undefined` if this batch gives nothing to change. */
type Change = (parcels: ReadonlyArray<Parcel>) => ReadonlyArray<Parcel> | undefined

/** The parcel of a batch that no fault changes. */
export const parcelOf = (batch: Batch): Parcel => ({ ...batch, extra: 0, isBroken: false })

const sizeOf = (items: Batch["items"]): number => items.reduce((sum, item) => sum + Buffer.byteLength(item), 0)

/** Bytes that begin no character of UTF-8, or do not go on with one. */
const invalid = Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0xed, 0xa0, 0x80])

/** The record of a line: its text begins after the first of these words, which no time and no type holds. */
const lineRecord = /^\{"time":"[^"]*","type":"(?:function|extension)","record":"/

/** A line that is whole: a piece of a record that was cut is no JSON. */
const isJson = (item: Batch["items"][number]): item is string => {
  if (typeof item !== "string") return false
  try {
    JSON.parse(item)
    return true
  } catch {
    return false
  }
}

const isLine = (item: Batch["items"][number]): item is string =>
  typeof item === "string" && lineRecord.test(item) && isJson(item)

/** Changes the first parcel that can be changed. */
const replaceOne =
  (replace: (parcel: Parcel) => ReadonlyArray<Parcel> | undefined): Change =>
  (parcels) => {
    for (const [index, parcel] of parcels.entries()) {
      const replaced = replace(parcel)
      if (replaced !== undefined) return parcels.toSpliced(index, 1, ...replaced)
    }
    return undefined
  }

const withItems = (parcel: Parcel, items: Batch["items"], extra = 0): Parcel => ({
  ...parcel,
  items,
  bytes: sizeOf(items),
  line: undefined,
  extra: parcel.extra + extra
})

const platformItem = (at: number, type: string, record: object): string =>
  JSON.stringify({ time: DateTime.formatIso(DateTime.makeUnsafe(at)), type, record })

/** The fields join the record too if it is an object. */
const addFields = (item: string): string => {
  const fields = JSON.stringify(unknownFields).slice(1)
  return item.endsWith("}}") ? `${item.slice(0, -2)},${fields},${fields}` : `${item.slice(0, -1)},${fields}`
}

/** Not inside of a character, and not behind the backslash of an escape. */
const middleOf = (item: string, from: number): number => {
  let middle = from + Math.floor((item.length - 2 - from) / 2)
  while (middle > from && /[\\\uDC00-\uDFFF]/.test(item.slice(middle - 1, middle + 1))) middle--
  return middle
}

const cutParcel = (parcel: Parcel): ReadonlyArray<Parcel> | undefined => {
  const index = parcel.items.findLastIndex(isLine)
  const item = parcel.items[index]
  if (typeof item !== "string") return undefined
  const begin = lineRecord.exec(item)?.[0].length ?? 0
  const middle = middleOf(item, begin)
  // The prefix of both pieces ends before the quotation mark of the text.
  const prefix = item.slice(0, begin - 1)
  const first = [...parcel.items.slice(0, index), `${item.slice(0, middle)}}`]
  const second = [`${prefix}${item.slice(middle)}`, ...parcel.items.slice(index + 1)]
  return [
    { ...withItems(parcel, first), records: index },
    { ...withItems(parcel, second), records: parcel.records - index, extra: 0 }
  ]
}

const spoilParcel = (parcel: Parcel): ReadonlyArray<Parcel> | undefined => {
  const index = parcel.items.findIndex(isLine)
  const item = parcel.items[index]
  if (typeof item !== "string") return undefined
  const begin = lineRecord.exec(item)?.[0].length ?? 0
  const spoilt = Buffer.concat([Buffer.from(item.slice(0, begin)), invalid, Buffer.from(item.slice(begin))])
  return [withItems(parcel, parcel.items.with(index, spoilt))]
}

/** The change of a kind, for batches of the subscription. */
export const changeOf = (
  change: DeliveryChange,
  { destination, types }: Pick<Subscription, "destination" | "types">,
  now: () => number
): Change => {
  switch (change) {
    case "again":
      return (parcels) => [
        ...parcels,
        ...parcels.map((parcel) => ({ ...parcel, records: 0, extra: parcel.items.length }))
      ]
    case "unknown":
      return replaceOne((parcel) => {
        const index = parcel.items.findIndex(isJson)
        const item = parcel.items[index]
        if (typeof item !== "string") return undefined
        const unknown = platformItem(now(), "platform.unknownToAll", unknownFields)
        return [withItems(parcel, [...parcel.items.with(index, addFields(item)), unknown], 1)]
      })
    case "dropped":
      return replaceOne((parcel) => {
        if (!types.includes("platform")) return undefined
        const dropped = { droppedBytes: 12_345, droppedRecords: 123, reason: slowConsumer }
        return [withItems(parcel, [...parcel.items, platformItem(now(), "platform.logsDropped", dropped)], 1)]
      })
    case "not-utf8":
      return replaceOne(spoilParcel)
    case "cut":
      return replaceOne((parcel) => (destination.protocol === "HTTP" ? cutParcel(parcel) : undefined))
    case "half":
      return replaceOne((parcel) => (destination.protocol === "HTTP" ? [{ ...parcel, isBroken: true }] : undefined))
  }
}
