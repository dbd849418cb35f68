/** The ends of strings in JSON: both readers find the same end, and it is the one that JSON.stringify has written. */
import { assert, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as compiled from "../../src/telemetry/internal/record/stringEnd/compiled.ts"
import * as interpreted from "../../src/telemetry/internal/record/stringEnd/interpreted.ts"

const encode = (text: string) => new TextEncoder().encode(text)
const readers = [compiled.stringEnd, interpreted.stringEnd]
/** Bytes that a reader may take for an end. */
const Bytes = Schema.Array(Schema.Literals([0x22, 0x5c, 0x61]))

it.prop(
  "a string ends where JSON.stringify has ended it, whatever follows",
  [Schema.String, Schema.Literals(["", '"', '\\"', ',"'])],
  ([text, rest]) => {
    const written = JSON.stringify(text)
    for (const end of readers) assert.strictEqual(end(encode(written + rest), 1), encode(written).length - 1)
  }
)

it.prop("both agree on any bytes", [Bytes], ([bytes]) => {
  const [one, other] = readers.map((end) => end(Uint8Array.from(bytes), 0))
  assert.strictEqual(one, other)
})
