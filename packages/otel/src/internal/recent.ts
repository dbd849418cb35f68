/**
 * The last entries of a map, as a value that is never changed. Two maps take turns: when the newer one is full, the older
 * one is forgotten as a whole.
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"

/** The last entries: at least as many as the limit, at most twice as many. */
export interface Recent<A> {
  readonly newer: HashMap.HashMap<string, A>
  readonly older: HashMap.HashMap<string, A>
}

/** No entries. */
export const empty: Recent<never> = { newer: /*#__PURE__*/ HashMap.empty(), older: /*#__PURE__*/ HashMap.empty() }

/** The entry of this name, if it is remembered. */
export const get = <A>({ newer, older }: Recent<A>, name: string): A | undefined =>
  Option.getOrUndefined(HashMap.get(newer, name)) ?? Option.getOrUndefined(HashMap.get(older, name))

/** Sets an entry. The second value has what was forgotten for it. */
export const set = <A>(
  { newer, older }: Recent<A>,
  name: string,
  value: A,
  limit: number
): readonly [Recent<A>, ReadonlyArray<A>] => {
  const rest = HashMap.remove(older, name)
  if (HashMap.size(newer) < limit || HashMap.has(newer, name)) {
    return [{ newer: HashMap.set(newer, name, value), older: rest }, []]
  }
  return [{ newer: HashMap.make([name, value]), older: newer }, HashMap.toValues(rest)]
}

/** All entries, in no order. */
export const values = <A>({ newer, older }: Recent<A>): ReadonlyArray<A> => [
  ...HashMap.values(older),
  ...HashMap.values(newer)
]
