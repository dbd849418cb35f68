/** register and its refusals (docs/protocol.md#register). */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { ProfileName } from "@effect-lambda/emulator/Profile"
import type { RawAnswer } from "./raw.ts"
import type { Scenario } from "./world.ts"
import { expectAnswer, expectRefusal, json, notFoundBody, notFoundHeaders, uuid } from "./world.ts"

const registeredBody = '{"functionName":"function","functionVersion":"$LATEST","handler":"index.handler"}\n'
const registeredWithAccount =
  '{"accountId":"123456789012","functionName":"function","functionVersion":"$LATEST","handler":"index.handler"}\n'

const expectRegistered = (answer: RawAnswer, body = registeredBody) => {
  const identifier = answer.headers["lambda-extension-identifier"] ?? ""
  assert.match(identifier, uuid)
  expectAnswer(answer, 200, { ...json, "Lambda-Extension-Identifier": identifier }, body)
}

/** AWS's emulator in its usual mode never tells the account. */
const bodyWithAccount = (profile: ProfileName) => (profile === "rie" ? registeredBody : registeredWithAccount)

const accountFeature = { "Lambda-Extension-Accept-Feature": "accountId" }

export const register: ReadonlyArray<Scenario> = [
  {
    case: 1,
    run: Effect.fnUntraced(function* (world) {
      expectRegistered(yield* world.register("a", JSON.stringify({ events: world.usualEvents })))
      const registered = yield* world.journal.waitFor(Journal.is("Registered"))
      assert.deepStrictEqual([registered.kind, registered.events], ["external", world.usualEvents])
    })
  },
  {
    case: 2,
    run: Effect.fnUntraced(function* (world) {
      expectRegistered(yield* world.register("a", "{}"))
    })
  },
  {
    case: 3,
    run: Effect.fnUntraced(function* (world) {
      const path = "/2020-01-01/extension/register"
      const refusal = ["Extension.InvalidExtensionName", "Empty extension name"] as const
      expectRefusal(yield* world.call("POST", path, {}, "{}"), ...refusal)
      expectRefusal(yield* world.register("", "not json"), ...refusal)
      expectRegistered(yield* world.register("a", "{}"))
    })
  },
  {
    case: 4,
    run: Effect.fnUntraced(function* (world) {
      const refusal = ["InvalidRequestFormat", "unexpected end of JSON input"] as const
      expectRefusal(yield* world.register("a", ""), ...refusal)
      expectRefusal(yield* world.register("a", '{"events":['), ...refusal)
    })
  },
  {
    case: 5,
    run: Effect.fnUntraced(function* (world) {
      const request = 'struct { handler.RegisterRequest; ConfigurationKeys []string "json:\\"configurationKeys\\"" }'
      const bodies = [
        ["not json", "invalid character 'o' in literal null (expecting 'u')"],
        ["xyz", "invalid character 'x' looking for beginning of value"],
        ["[]", `json: cannot unmarshal array into Go value of type ${request}`],
        ['"text"', `json: cannot unmarshal string into Go value of type ${request}`],
        [
          '{"events":"INVOKE"}',
          "json: cannot unmarshal string into Go struct field .RegisterRequest.events of type []core.Event"
        ],
        [
          '{"events":[1]}',
          "json: cannot unmarshal number into Go struct field .RegisterRequest.events of type core.Event"
        ]
      ] as const
      for (const [body, message] of bodies) {
        expectRefusal(yield* world.register("a", body), "InvalidRequestFormat", message)
      }
    })
  },
  {
    case: 6,
    run: Effect.fnUntraced(function* (world) {
      expectRefusal(
        yield* world.register("a", '{"events":[],"configurationKeys":["A"]}'),
        "InvalidRequestFormat",
        "configurationKeys are deprecated; use environment variables instead"
      )
    })
  },
  {
    case: 7,
    run: Effect.fnUntraced(function* (world) {
      expectRegistered(yield* world.register("a", '{"events":[],"configurationKeys":[]}'))
    })
  },
  {
    case: 8,
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* world.register("a", '{"events":["invoke"]}')
      expectRefusal(answer, "Extension.InvalidEventType", "invoke: ErrorInvalidEventType")
    })
  },
  {
    case: 9,
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* world.register("a", '{"events":["INVOKE","abc<def"]}')
      // The error body is HTML-escaped like every body of the platform.
      const body = '{"errorMessage":"abc\\u003cdef: ErrorInvalidEventType","errorType":"Extension.InvalidEventType"}\n'
      expectAnswer(answer, 403, json, body)
      expectRegistered(yield* world.register("a", '{"events":["SHUTDOWN"]}'))
      const registered = yield* world.journal.waitFor(Journal.is("Registered"))
      assert.deepStrictEqual(registered.events, ["SHUTDOWN"])
    })
  },
  {
    case: 10,
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* world.register("x", '{"events":["SHUTDOWN"]}')
      const message = "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"
      expectRefusal(answer, "Extension.InvalidEventType", message)
      assert.lengthOf(yield* world.entries("Registered"), 0)
    })
  },
  {
    case: 11,
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", world.usualEvents)
      const again = yield* world.register("a", "{}")
      expectRefusal(
        again,
        "Extension.InvalidExtensionState",
        world.notAllowed("Registered", "Registered", "extension a")
      )
      yield* world.pollExtension("a", identifier)
    })
  },
  {
    case: 12,
    run: Effect.fnUntraced(function* (world) {
      expectRegistered(yield* world.register("x", "{}"))
      const again = yield* world.register("x", "{}")
      expectRefusal(again, "Extension.InvalidExtensionState", "Extension with this name already registered")
    })
  },
  {
    case: 13,
    run: Effect.fnUntraced(function* (world) {
      yield* world.registered("a", world.usualEvents)
      yield* world.pollRuntime
      const answer = yield* world.register("x", "{}")
      expectRefusal(answer, "Extension.RegistrationClosed", "Extension registration closed already")
    })
  },
  {
    case: 14,
    run: Effect.fnUntraced(function* (world) {
      yield* world.registered("a", world.usualEvents)
      yield* world.pollRuntime
      const answer = yield* world.register("x", '{"events":["SHUTDOWN"]}')
      const message = "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"
      expectRefusal(answer, "Extension.InvalidEventType", message)
    })
  },
  {
    case: 15,
    run: Effect.fnUntraced(function* (world) {
      yield* world.registered("a", [])
      for (let count = 2; count <= 10; count++) yield* world.registered(`internal${count}`, [])
      const answer = yield* world.register("internal11", "{}")
      expectRefusal(answer, "Extension.TooManyExtensions", "Extension limit (10) reached")
      // The limit is named before the collision.
      const collision = yield* world.register("internal2", "{}")
      expectRefusal(collision, "Extension.TooManyExtensions", "Extension limit (10) reached")
    })
  },
  {
    case: 16,
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* world.register("a", "{}", accountFeature)
      expectRegistered(answer, registeredWithAccount)
    })
  },
  {
    case: 17,
    run: Effect.fnUntraced(function* (world) {
      const feature = (value: string) => ({ "Lambda-Extension-Accept-Feature": value })
      expectRegistered(yield* world.register("a", "{}", feature("some_non_existing_feature,")))
      expectRegistered(yield* world.register("x", "{}", feature(" foo , accountId ")), bodyWithAccount(world.profile))
      expectRegistered(yield* world.register("y", "{}", feature("AccountId")))
    })
  },
  {
    case: 18,
    run: Effect.fnUntraced(function* (world) {
      expectRegistered(yield* world.register("a", "{}", accountFeature))
    })
  },
  {
    case: 20,
    run: Effect.fnUntraced(function* (world) {
      const refused = "Extension.InvalidEventType"
      const external = yield* world.register("a", '{"events":["INVOKE"]}')
      expectRefusal(external, refused, "INVOKE: ErrorInvalidEventType")
      const internal = yield* world.register("x", '{"events":["SHUTDOWN"]}')
      expectRefusal(internal, refused, "No events allowed for internal extensions")
      expectRegistered(yield* world.register("x", "{}"))
    })
  },
  {
    case: 21,
    run: Effect.fnUntraced(function* (world) {
      const path = "/2020-01-01/extension/register"
      expectAnswer(yield* world.call("GET", path), 405, { Allow: "POST" }, "")
      expectAnswer(yield* world.call("POST", `${path}/`), 404, notFoundHeaders, notFoundBody)
    })
  },
  {
    case: 22,
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* world.call("POST", "/2020-01-01/foo", {}, "{}")
      expectAnswer(answer, 404, notFoundHeaders, notFoundBody)
      expectAnswer(yield* world.call("GET", "/constructor"), 404, notFoundHeaders, notFoundBody)
    })
  },
  {
    case: 23,
    run: Effect.fnUntraced(function* (world) {
      const body = (bytes: number) => `{"events":[]}${" ".repeat(bytes - 13)}`
      const answer = yield* world.register("a", body(1_048_577))
      expectRefusal(answer, "InvalidRequestFormat", "http: request body too large")
      expectRegistered(yield* world.register("a", body(1_048_576)))
    })
  }
]
