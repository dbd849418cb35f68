/** Headers of X-Ray, and ids that are derived: `docs/decisions/0020-records-as-opentelemetry.md`. */
import * as TraceContext from "@effect-lambda/otel/TraceContext"
import { assert, describe, it } from "@effect/vitest"
import { randomUUID } from "node:crypto"

const traceId = "5759e988bd862e3fe1be46a994272793"
const root = "Root=1-5759e988-bd862e3fe1be46a994272793"
const parentId = "53995c3f42cd8ad8"

describe("the header of X-Ray", () => {
  it.each<readonly [string, string, TraceContext.TraceContext | undefined]>([
    ["with active tracing", `${root};Parent=${parentId};Sampled=1`, { traceId, parentId, isSampled: true }],
    ["without active tracing", `${root};Parent=${parentId};Sampled=0`, { traceId, parentId, isSampled: false }],
    [
      "with lineage",
      `${root};Parent=${parentId};Sampled=1;Lineage=a87bd80c:0|68fd508a:5`,
      { traceId, parentId, isSampled: true }
    ],
    ["in another order, with spaces", `Sampled=1; ${root} ;Self=1-x`, { traceId, isSampled: true }],
    [
      "in upper case",
      `${root.toUpperCase().replace("ROOT", "Root")};Parent=53995C3F42CD8AD8`,
      { traceId, parentId, isSampled: true }
    ],
    ["that leaves the decision open", `${root};Sampled=?`, { traceId, isSampled: true }],
    ["without a decision", root, { traceId, isSampled: true }],
    ["with a parent of zeros", `${root};Parent=0000000000000000;Sampled=1`, { traceId, isSampled: true }],
    ["with a short parent", `${root};Parent=5399;Sampled=1`, { traceId, isSampled: true }],
    ["of nothing", "", undefined],
    ["without a root", `Parent=${parentId};Sampled=1`, undefined],
    ["of another version", "Root=2-5759e988-bd862e3fe1be46a994272793", undefined],
    ["with a root of zeros", "Root=1-00000000-000000000000000000000000", undefined],
    ["with a root that is too long", `${root}0`, undefined],
    ["of W3C", `00-${traceId}-${parentId}-01`, undefined]
  ])("%s", (_, header, expected) => {
    assert.deepStrictEqual(TraceContext.fromXRay(header), expected)
  })
})

describe("ids that are derived", () => {
  it("a trace id has the 16 bytes of the request id", () => {
    const { isSampled, parentId, traceId } = TraceContext.fromRequestId("8476a536-e9f4-11e8-9739-2dfe598c3fcd")
    assert.deepStrictEqual([traceId, parentId, isSampled], ["97392dfe598c3fcd8476a536e9f411e8", undefined, true])
  })

  it.each(["", "request-1", "00000000-0000-0000-0000-000000000000", "８476a536-e9f4-11e8-9739-2dfe598c3fcd", "\ud800"])(
    "the request id %j has a valid trace id as well, the same each time",
    (requestId) => {
      const { traceId } = TraceContext.fromRequestId(requestId)
      assert.isTrue(TraceContext.isTraceId(traceId), traceId)
      assert.strictEqual(TraceContext.fromRequestId(requestId).traceId, traceId)
    }
  )

  it("the last eight bytes of trace ids are spread over the whole range, as a sampler of a ratio needs them", () => {
    const eighths = Array.from({ length: 8 }, () => 0)
    const count = 8000
    for (let at = 0; at < count; at++) {
      const { traceId } = TraceContext.fromRequestId(randomUUID())
      eighths[Number.parseInt(traceId.slice(16, 18), 16) >> 5]!++
    }
    // A share that is off by a quarter is eight standard deviations away.
    for (const share of eighths) assert.closeTo(share, count / 8, count / 32)
  })

  it("the ids of 50,000 spans are valid and all different, and their digits are spread", () => {
    const ids = new Set<string>()
    const digits = new Map<string, number>()
    for (let at = 0; at < 50_000; at++) {
      const id = TraceContext.deriveSpanId("8476a536-e9f4-11e8-9739-2dfe598c3fcd", String(at))
      assert.isTrue(TraceContext.isSpanId(id))
      ids.add(id)
      for (const place of [0, 7, 8, 15]) {
        const digit = `${place}:${id[place]}`
        digits.set(digit, (digits.get(digit) ?? 0) + 1)
      }
    }
    assert.strictEqual(ids.size, 50_000)
    assert.strictEqual(digits.size, 64)
    for (const count of digits.values()) assert.closeTo(count, 3125, 312)
  })

  it("texts that only look the same together have other ids", () => {
    assert.notStrictEqual(TraceContext.deriveSpanId("a", "bc"), TraceContext.deriveSpanId("ab", "c"))
    assert.notStrictEqual(TraceContext.deriveSpanId("a"), TraceContext.deriveSpanId("a", ""))
  })
})
