/** Requests that a web page can make a browser send to the two servers, and requests of clients of this machine. */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { ProfileName } from "@effect-lambda/emulator/Profile"
import { exchange } from "./conformance/raw.ts"
import { startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

const invocations = "/2015-03-31/functions/function/invocations"

/** Starts an environment, and sends requests with these headers to both of its servers. */
const withServers = Effect.fnUntraced(function* (profile: ProfileName) {
  const directory = yield* temporaryDirectory
  const handler = writeExecutable(directory, "index.mjs", "export const handler = () => 'secret'", 0o644)
  const emulator = yield* startEmulator({ profile, function: { handler }, invokeListen: { port: 0 } })
  const invokeApi = (emulator.invokeEndpoint ?? "").replace("http://", "")
  const send = (address: string, method: string, path: string, headers: Readonly<Record<string, string>>) => {
    const lines = Object.entries({ Host: address, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
    const body = method === "POST" ? "{}" : ""
    return exchange(
      address,
      `${method} ${path} HTTP/1.1\r\n${lines.join("")}Content-Length: ${body.length}\r\n\r\n${body}`
    )
  }
  return {
    emulator,
    invokeApi,
    invoke: (headers: Readonly<Record<string, string>>, method = "POST") =>
      send(invokeApi, method, invocations, headers),
    ping: (headers: Readonly<Record<string, string>>) => send(emulator.runtimeApi, "GET", "/2018-06-01/ping", headers)
  }
})

const foreign: ReadonlyArray<[string, Readonly<Record<string, string>>]> = [
  ["a name that leads here by DNS", { Host: "attacker.example:9100" }],
  ["an address of another network", { Host: "192.168.1.7:9100" }],
  ["a name that begins like this machine's", { Host: "localhost.attacker.example" }],
  ["an address that begins like this machine's", { Host: "127.0.0.1.attacker.example" }],
  ["a page of another site", { Origin: "https://attacker.example" }],
  ["a page of another site by http", { Origin: "http://attacker.example:9100" }],
  ["a page in a frame without an origin", { Origin: "null" }],
  ["a page from a file", { Origin: "file://" }],
  ["an origin that is none", { Origin: "%" }],
  ["an image of a page of another site", { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors" }]
]

const own = (address: string): ReadonlyArray<[string, Readonly<Record<string, string>>]> => [
  ["curl", {}],
  ["localhost", { Host: `localhost:${address.split(":")[1]}` }],
  ["IPv6", { Host: "[::1]:9100" }],
  ["a name of the sandbox", { Host: "sandbox.localdomain:9001" }],
  ["its own page", { Origin: `http://${address}`, "Sec-Fetch-Site": "same-origin" }],
  ["a page of a server on this machine", { Origin: "http://localhost:3000", "Sec-Fetch-Site": "same-site" }],
  ["an address that a person typed", { "Sec-Fetch-Site": "none" }]
]

describe.each<ProfileName>(["real", "rie", "lmi"])("profile %s", (profile) => {
  it.live("a request that a page made a browser send is refused, and runs nothing", () =>
    Effect.gen(function* () {
      const { emulator, invoke, ping } = yield* withServers(profile)
      for (const [what, headers] of foreign) {
        for (const answer of [yield* invoke(headers), yield* invoke(headers, "GET"), yield* ping(headers)]) {
          assert.strictEqual(answer.status, 403, what)
          assert.notInclude(answer.body, "secret")
          assert.match(answer.body, /Ask for 127\.0\.0\.1 or localhost|Only pages of this machine may/, what)
          assert.isUndefined(answer.headers["access-control-allow-origin"])
        }
      }
      const entries = yield* emulator.journal.entries
      assert.isEmpty(entries.filter(Journal.is("InvocationStarted")))
      assert.lengthOf(entries.filter(Journal.is("ApiRefused", ({ status }) => status === 403)), foreign.length)
    })
  )

  it.live("a client of this machine is served", () =>
    Effect.gen(function* () {
      const { invoke, invokeApi, ping } = yield* withServers(profile)
      for (const [what, headers] of own(invokeApi)) {
        assert.strictEqual((yield* ping(headers)).body, "pong", what)
        // The one worker of a managed instance polls again a moment after its answer; until then it is refused with 400.
        const answer = yield* invoke(headers).pipe(
          Effect.repeat({ until: ({ status }) => status !== 400, times: 500, schedule: Schedule.spaced("10 millis") })
        )
        assert.strictEqual(answer.body, '"secret"', what)
      }
    })
  )
})
