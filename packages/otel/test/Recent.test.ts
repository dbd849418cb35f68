/** The last entries of a map, beside a map that forgets nothing. */
import { assert, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Recent from "../src/internal/recent.ts"

const Names = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 }))).check(
  Schema.isMinLength(100),
  Schema.isMaxLength(300)
)

it.prop("has the last entries with their last values, and says which it forgets", [Names], ([names]) => {
  const limit = 20
  const all = new Map<string, number>()
  let recent: Recent.Recent<number> = Recent.empty
  let before = recent
  const forgotten = new Set<number>()
  names.forEach((name, value) => {
    before = recent
    const copy = structuredClone(before)
    const [next, gone] = Recent.set(recent, `n${name}`, value, limit)
    assert.deepStrictEqual(before, copy, "a value is never changed")
    const changed = Recent.replace(before, `n${name}`, -1)
    assert.strictEqual(Recent.get(changed, `n${name}`), Recent.get(before, `n${name}`) === undefined ? undefined : -1)
    assert.strictEqual(Recent.values(changed).length, Recent.values(before).length, "a change forgets none")
    recent = next
    all.delete(`n${name}`)
    all.set(`n${name}`, value)
    for (const one of gone) forgotten.add(one)
  })
  const last = [...all].slice(-limit)
  for (const [name, value] of last) assert.strictEqual(Recent.get(recent, name), value)
  const values = Recent.values(recent)
  assert.strictEqual(new Set(values).size, values.length, "an entry is there once")
  assert.isAtMost(values.length, 2 * limit)
  for (const [name, value] of all) {
    if (Recent.get(recent, name) === undefined) assert.isTrue(forgotten.has(value), `${name} was forgotten, and said`)
  }
})
