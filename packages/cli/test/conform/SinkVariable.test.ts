/** `--sink-env`: a variable that names the sink, by its URL or inside of a text. */
import { assert, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as SinkVariable from "../../src/conform/play/SinkVariable.ts"

const url = "http://127.0.0.1:4000"

it.each([
  ["BACKEND", { BACKEND: url }],
  ["DSN=http://key@{host}/1", { DSN: "http://key@127.0.0.1:4000/1" }],
  ["METRICS={url}/metrics?a=b", { METRICS: `${url}/metrics?a=b` }]
])("%s", (text, expected) => {
  const variable = Result.getOrThrow(SinkVariable.parse(text))
  assert.deepStrictEqual(SinkVariable.environment([variable], url), expected)
})

it.each(["BACKEND=", "BACKEND=http://example.com", "=", "={url}"])("refuses %s, which names no sink", (text) => {
  assert.isTrue(Result.isFailure(SinkVariable.parse(text)))
})
