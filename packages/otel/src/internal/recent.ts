/**
 * The last entries of a map, as a value that is never changed. The entries lie in buckets by their names, so that a look reads
 * two of them, and a change copies one. `effect/HashMap` would be a fiftieth of the layer.
 */

interface Entry<A> {
  readonly name: string
  readonly value: A
}

type Buckets<A> = ReadonlyArray<ReadonlyArray<Entry<A>>>

/** The last entries: at least as many as the limit, if so many were set, and at most twice as many. */
export interface Recent<A> {
  readonly newer: Buckets<A>
  /** How many are in `newer`. */
  readonly size: number
  /** As many as the limit, or none. As soon as `newer` has as many, it takes this place, and these are forgotten. */
  readonly older: Buckets<A>
}

const none: Buckets<never> = /*#__PURE__*/ Array.from({ length: 256 }, () => [])

/** No entries. */
export const empty: Recent<never> = { newer: none, size: 0, older: none }

/** The bucket of a name. The names are request ids and digests, whose last characters differ. */
const placeOf = (name: string): number => {
  let hash = 0
  for (let at = Math.max(0, name.length - 8); at < name.length; at++) hash = (31 * hash + name.charCodeAt(at)) & 0xffff
  return hash & 0xff
}

const find = <A>(buckets: Buckets<A>, place: number, name: string): Entry<A> | undefined =>
  buckets[place]?.find((entry) => entry.name === name)

/** The buckets without an entry. */
const without = <A>(buckets: Buckets<A>, place: number, entry: Entry<A> | undefined): Buckets<A> =>
  entry === undefined ? buckets : buckets.with(place, buckets[place]?.filter((each) => each !== entry) ?? [])

/** The entry of this name, if it is remembered. */
export const get = <A>({ newer, older }: Recent<A>, name: string): A | undefined => {
  const place = placeOf(name)
  return (find(newer, place, name) ?? find(older, place, name))?.value
}

/** Sets an entry. The second value has what was forgotten for it. */
export const set = <A>(
  recent: Recent<A>,
  name: string,
  value: A,
  limit: number
): readonly [Recent<A>, ReadonlyArray<A>] => {
  const place = placeOf(name)
  const entry = { name, value }
  const before = find(recent.newer, place, name)
  const newer = without(recent.newer, place, before)
  const size = before === undefined ? recent.size : recent.size - 1
  const older = without(recent.older, place, find(recent.older, place, name))
  if (size >= limit) {
    const fresh: Buckets<A> = none
    return [{ newer: fresh.with(place, [entry]), size: 1, older: newer }, valuesIn(older)]
  }
  return [{ newer: newer.with(place, [...(newer[place] ?? []), entry]), size: size + 1, older }, []]
}

/** Changes the value of an entry in its place, which forgets none. */
export const replace = <A>(recent: Recent<A>, name: string, value: A): Recent<A> => {
  const place = placeOf(name)
  const replaced = (buckets: Buckets<A>) => {
    const index = buckets[place]?.findIndex((entry) => entry.name === name) ?? -1
    return index === -1 ? buckets : buckets.with(place, buckets[place]?.with(index, { name, value }) ?? [])
  }
  return { newer: replaced(recent.newer), size: recent.size, older: replaced(recent.older) }
}

const valuesIn = <A>(buckets: Buckets<A>): ReadonlyArray<A> =>
  buckets.flatMap((bucket) => bucket.map(({ value }) => value))

/** All entries, in no order. */
export const values = <A>({ newer, older }: Recent<A>): ReadonlyArray<A> => [...valuesIn(older), ...valuesIn(newer)]
