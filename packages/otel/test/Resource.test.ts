/** The resource of all signals. */
import { assert, describe, it } from "@effect/vitest"
import * as Resource from "../src/Resource.ts"

const options: Resource.Options = {
  functionName: "orders",
  functionVersion: "$LATEST",
  memorySize: 512,
  region: "eu-central-1",
  accountId: "123456789012"
}
const text = (value: string) => ({ stringValue: value })
const attributesOf = (given: Partial<Resource.Options>) =>
  new Map(Resource.make({ ...options, ...given }).attributes.map(({ key, value }) => [key, value]))

it("says the function and where it runs", () => {
  assert.deepStrictEqual(Resource.make(options), {
    attributes: [
      { key: "cloud.provider", value: text("aws") },
      { key: "cloud.platform", value: text("aws_lambda") },
      { key: "cloud.region", value: text("eu-central-1") },
      { key: "cloud.account.id", value: text("123456789012") },
      { key: "faas.name", value: text("orders") },
      { key: "faas.version", value: text("$LATEST") },
      { key: "faas.max_memory", value: { intValue: 536_870_912 } },
      { key: "service.name", value: text("orders") }
    ],
    droppedAttributesCount: 0
  })
})

describe("the name of the service", () => {
  it.each<readonly [string, Partial<Resource.Options>, string]>([
    ["the function's", {}, "orders"],
    ["OTEL_RESOURCE_ATTRIBUTES", { attributes: { "service.name": "shop" } }, "shop"],
    ["OTEL_SERVICE_NAME", { serviceName: "till", attributes: { "service.name": "shop" } }, "till"],
    ["OTEL_SERVICE_NAME that is empty", { serviceName: "" }, "orders"]
  ])("%s", (_, given, name) => {
    assert.deepStrictEqual(attributesOf(given).get("service.name"), text(name))
  })
})

it("attributes of the user are added, and win", () => {
  const attributes = attributesOf({ attributes: { "deployment.environment.name": "test", "cloud.region": "here" } })
  assert.deepStrictEqual(attributes.get("deployment.environment.name"), text("test"))
  assert.deepStrictEqual(attributes.get("cloud.region"), text("here"))
  assert.strictEqual(attributes.size, 9)
})

it("an account that is not known is left out", () => {
  assert.isFalse(attributesOf({ accountId: undefined }).has("cloud.account.id"))
})

it("an environment has its instance, once", () => {
  const resource = Resource.make(options)
  const first = Resource.withInstance(resource, "2026/11/20/[$LATEST]a")
  assert.deepStrictEqual(first.attributes, [
    ...resource.attributes,
    { key: "faas.instance", value: text("2026/11/20/[$LATEST]a") }
  ])
  assert.isFalse(resource.attributes.some(({ key }) => key === "faas.instance"))
})

it("an instance of OTEL_RESOURCE_ATTRIBUTES stays", () => {
  const resource = Resource.make({ ...options, attributes: { "faas.instance": "mine" } })
  assert.deepStrictEqual(Resource.withInstance(resource, "2026/11/20/[$LATEST]a"), resource)
})

it("the scope is this package", () => {
  assert.strictEqual(Resource.scope.name, "@effect-lambda/otel")
  assert.match(Resource.scope.version, /^\d+\.\d+\.\d+/)
})

it("the conventions are those of 1.44.0", () => {
  assert.strictEqual(Resource.schemaUrl, "https://opentelemetry.io/schemas/1.44.0")
})
