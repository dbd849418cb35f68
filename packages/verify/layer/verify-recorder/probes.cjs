// Requests that Lambda refuses, each with the name under which its answer is recorded. None of them changes anything.
"use strict"

const extensions = "/2020-01-01/extension"
const telemetry = "/2022-07-01/telemetry"
const named = (name) => ({ "Lambda-Extension-Name": name })
const identified = (identifier) => ({ "Lambda-Extension-Identifier": identifier })
const unknown = "11111111-2222-4333-8444-555555555555"
const events = (...names) => JSON.stringify({ events: names })

const beforeRegister = () => [
  ["ping", "GET", "/2018-06-01/ping"],
  ["path-unknown", "GET", "/2020-01-01/nothing"],
  ["path-slash", "PUT", `${telemetry}/`],
  ["method-other", "GET", `${extensions}/register`],
  ["register-no-name", "POST", `${extensions}/register`, {}, "{}"],
  ["register-empty-body", "POST", `${extensions}/register`, named("verify-recorder")],
  ["register-no-json", "POST", `${extensions}/register`, named("verify-recorder"), "x"],
  ["register-wrong-type", "POST", `${extensions}/register`, named("verify-recorder"), '{"events":"INVOKE"}'],
  ["register-keys", "POST", `${extensions}/register`, named("verify-recorder"), '{"configurationKeys":["a"]}'],
  ["register-unknown-event", "POST", `${extensions}/register`, named("verify-recorder"), events("INVOKE", "NEW")],
  ["register-internal-shutdown", "POST", `${extensions}/register`, named("verify-inner"), events("SHUTDOWN")],
  ["next-no-identifier", "GET", `${extensions}/event/next`],
  ["next-no-uuid", "GET", `${extensions}/event/next`, identified("x")],
  ["next-unknown", "GET", `${extensions}/event/next`, identified(unknown)],
  ["init-error-no-type", "POST", `${extensions}/init/error`, identified(unknown), "{}"],
  ["init-error-unknown", "POST", `${extensions}/init/error`, { ...identified(unknown), ...errorType }, "{}"],
  ["subscribe-unknown", "PUT", telemetry, identified(unknown), "{}"]
]

const errorType = { "Lambda-Extension-Function-Error-Type": "Extension.Verify" }

const subscriptions = ({ identifier, subscription }) => {
  const { destination } = subscription
  const to = (fields) => ({ ...subscription, destination: { ...destination, ...fields } })
  const bounds = (fields) => ({ ...subscription, buffering: { ...subscription.buffering, ...fields } })
  const { schemaVersion: _, ...unversioned } = subscription
  return [
    ["subscribe-version", { ...subscription, schemaVersion: "2099-01-01" }],
    ["subscribe-no-version", unversioned],
    ["subscribe-timeout", bounds({ timeoutMs: 24 })],
    ["subscribe-bytes", bounds({ maxBytes: 262143 })],
    ["subscribe-items", bounds({ maxItems: 999 })],
    ["subscribe-type", { ...subscription, types: ["bogus"] }],
    ["subscribe-single-event", { ...subscription, types: ["platform.start"] }],
    ["subscribe-no-types", { ...subscription, types: [] }],
    ["subscribe-key", { ...subscription, more: 1 }],
    ["subscribe-method", to({ method: "GET" })],
    ["subscribe-host", to({ URI: "http://127.0.0.1:4243/verify" })],
    ["subscribe-scheme", to({ URI: "https://sandbox.localdomain:4243/verify" })],
    ["subscribe-no-port", to({ URI: "http://sandbox.localdomain/verify" })]
  ].map(([what, body]) => [what, "PUT", telemetry, identifier, JSON.stringify(body)])
}

/** Before register, and with what register gave: before the subscription. */
exports.refusals = (registered) => (registered === undefined ? beforeRegister() : subscriptions(registered))

/** In the first invocation, in the state Running. */
exports.lateRefusals = ({ identifier, name, subscription }) => [
  ["subscribe-late", "PUT", telemetry, identifier, JSON.stringify(subscription)],
  ["register-late", "POST", `${extensions}/register`, named("verify-inner"), events("INVOKE")],
  ["register-twice", "POST", `${extensions}/register`, named(name), events("INVOKE")],
  ["init-error-running", "POST", `${extensions}/init/error`, { ...identifier, ...errorType }, "{}"],
  ["exit-error-no-type", "POST", `${extensions}/exit/error`, identifier, "{}"]
]
