/** Every export, and every member of a service, says what it is. */
import { assert, describe, it } from "@effect/vitest"
import { type PublicDocs, read } from "./support/PublicDocs.ts"

describe.each(["extension", "extension-node", "emulator", "otel"])("the package %s", (name) => {
  const { exports, members } = read(name)

  it("describes each export, with its category and the version that has it", () => {
    assert.isAbove(exports.length, 5)
    assert.deepStrictEqual(exports.flatMap(missing), [])
  })

  it("describes each member of a service beside it", () => {
    assert.deepStrictEqual(
      members.filter(({ hasComment }) => !hasComment).map(({ path }) => path),
      []
    )
  })
})

it("services are found, so that their members are looked at", () => {
  const paths = read("extension").members.map(({ path }) => path)
  assert.includeMembers(paths, [
    "telemetry/TelemetryTransport.ts: listen",
    "HostProcess.ts: begin",
    "Deadline.ts: epochMillis"
  ])
})

/** What the doc comment of an export lacks. */
const missing = ({ path, tags, text }: PublicDocs["exports"][number]): ReadonlyArray<string> => {
  if (tags.includes("internal")) return []
  const parts = [
    ...(text === "" ? ["a text"] : []),
    ...["category", "since"].filter((tag) => !tags.includes(tag)).map((tag) => `@${tag}`)
  ]
  return parts.length === 0 ? [] : [`${path} has no ${parts.join(", ")}`]
}
