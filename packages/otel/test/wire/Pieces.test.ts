/** Requests one after the other are one request. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { join, joinJson, toJson } from "../../src/internal/wire/pieces.ts"
import { requests } from "../../src/internal/wire/schema.ts"
import { walk } from "../../src/internal/wire/walk.ts"
import { randomFrom } from "../../../extension-node/test/support/JsonTexts.ts"
import { signals } from "../support/hostile.ts"
import { decodeOfficially, requestType } from "../support/official.ts"
import { randomRequest } from "../support/randomRequest.ts"

const Seeds = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 })))

describe.each(signals)("%s", (signal) => {
  const list = requests[signal].byNumber[1]?.name ?? ""
  const resourcesOf = (request: unknown) =>
    typeof request === "object" && request !== null && list in request ? Reflect.get(request, list) : []

  it.prop("joined, are read by the official decoder as the merged request", [Seeds], ([seeds]) => {
    const parts = seeds.map((seed) => randomRequest(randomFrom(seed), signal))
    const merged = parts.flatMap((part) => resourcesOf(decodeOfficially(requestType(signal), part)))
    const joined = join(parts)
    assert.deepStrictEqual(resourcesOf(decodeOfficially(requestType(signal), joined)), merged)
    const counts = parts.map((part) => Result.getOrThrow(walk(signal, part, false)).count)
    assert.strictEqual(
      Result.getOrThrow(walk(signal, joined, false)).count,
      counts.reduce((sum, count) => sum + count, 0)
    )
  })

  it.prop("joined in JSON, are the JSON of the merged request", [Seeds], ([seeds]) => {
    const parts = seeds.map((seed) => randomRequest(randomFrom(seed), signal))
    const joined: unknown = JSON.parse(
      joinJson(
        signal,
        parts.map((part) => toJson(signal, part))
      )
    )
    assert.deepStrictEqual(resourcesOf(joined), resourcesOf(JSON.parse(toJson(signal, join(parts)))))
  })
})
