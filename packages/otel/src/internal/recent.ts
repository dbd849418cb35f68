/**
 * The last entries of a map, as a value that is never changed. The entries lie in small maps, the newest last, so that a
 * change copies few of them; the oldest of the maps is forgotten as a whole. `effect/HashMap` would be a fiftieth of the layer.
 */

/** The last entries: at least as many as the limit, if so many were set. */
export type Recent<A> = ReadonlyArray<ReadonlyMap<string, A>>

/** No entries. */
export const empty: Recent<never> = []

/** The small maps of a limit. */
const parts = 32

/** The entry of this name, if it is remembered. */
export const get = <A>(recent: Recent<A>, name: string): A | undefined =>
  recent.findLast((part) => part.has(name))?.get(name)

/** The parts without this name; a part that is empty then is left out. */
const without = <A>(recent: Recent<A>, name: string): Recent<A> => {
  const index = recent.findIndex((part) => part.has(name))
  if (index === -1) return recent
  const rest = new Map(recent[index])
  rest.delete(name)
  return rest.size === 0 ? recent.toSpliced(index, 1) : recent.with(index, rest)
}

/** Sets an entry. The second value has what was forgotten for it. */
export const set = <A>(
  recent: Recent<A>,
  name: string,
  value: A,
  limit: number
): readonly [Recent<A>, ReadonlyArray<A>] => {
  const newest = recent.at(-1)
  if (newest !== undefined && (newest.has(name) || newest.size * parts < limit)) {
    const earlier = recent.slice(0, -1)
    return [[...(newest.has(name) ? earlier : without(earlier, name)), new Map(newest).set(name, value)], []]
  }
  const rest = without(recent, name)
  const [oldest] = rest
  const size = rest.reduce((sum, part) => sum + part.size, 0)
  const isForgotten = oldest !== undefined && size - oldest.size >= limit
  return [[...(isForgotten ? rest.slice(1) : rest), new Map([[name, value]])], isForgotten ? [...oldest.values()] : []]
}

/** All entries, in no order. */
export const values = <A>(recent: Recent<A>): ReadonlyArray<A> => recent.flatMap((part) => [...part.values()])
