/**
 * Lambda, IAM and CloudWatch Logs over HTTP on this machine, as far as a run needs them. It keeps what was made, so that a test
 * sees what is left.
 */
import * as Effect from "effect/Effect"
import { createServer, type IncomingMessage } from "node:http"

interface Answer {
  readonly status?: number
  readonly error?: string
  readonly body?: unknown
}

export interface FakeOptions {
  /** The lines that every log group has, beside START and REPORT of each invocation. */
  readonly lines?: ReadonlyArray<string>
  /** An error for calls whose operation and path match; `undefined` lets the call through. */
  readonly refuse?: (call: string) => Answer | undefined
}

const xml = (operation: string, result: string) =>
  `<${operation}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><${operation}Result>${result}</${operation}Result></${operation}Response>`

const account = "999988887777"

const bodyOf = (request: IncomingMessage) =>
  new Promise<string>((resolve) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")))
  })

/** The parts of the state that a test looks at. */
export interface World {
  readonly functions: Map<string, { readonly input: Record<string, unknown>; readonly tags: Record<string, string> }>
  readonly layers: Map<string, number>
  readonly roles: Map<string, ReadonlyArray<string>>
  readonly groups: Map<string, Record<string, string>>
  readonly lines: Map<string, Array<string>>
  /** Each call as its operation, or as method and path. */
  readonly calls: Array<string>
}

const notFound: Answer = { status: 404, error: "ResourceNotFoundException" }

/** The routes of Lambda: REST with JSON. */
const lambda = (world: World, method: string, path: string, body: string): Answer => {
  const [, , kind = "", name = "", ...rest] = path.split("/").map(decodeURIComponent)
  const input: Record<string, unknown> = body === "" ? {} : JSON.parse(body)
  const what = `${method} ${kind}`
  if (what === "POST layers") {
    world.layers.set(name, 1)
    return { status: 201, body: { LayerVersionArn: `arn:aws:lambda:us-east-1:${account}:layer:${name}:1`, Version: 1 } }
  }
  if (what === "GET layers" && name !== "") {
    return { body: { LayerVersions: world.layers.has(name) ? [{ Version: 1 }] : [] } }
  }
  if (what === "GET layers") return { body: { Layers: [...world.layers.keys()].map((LayerName) => ({ LayerName })) } }
  if (what === "DELETE layers") return world.layers.delete(name) ? { status: 204 } : notFound
  if (what === "GET tags") return { body: { Tags: world.functions.get(name.split(":").at(-1) ?? "")?.tags ?? {} } }
  if (what === "GET capacity-providers") return { body: { CapacityProviders: [] } }
  if (what === "POST functions" && name === "") {
    const created = String(input["FunctionName"])
    world.functions.set(created, { input, tags: Object(input["Tags"]) })
    return { status: 201, body: { State: "Pending" } }
  }
  if (what === "GET functions" && name === "") {
    return {
      body: {
        Functions: [...world.functions.keys()].map((key) => ({
          FunctionArn: `arn:aws:lambda:us-east-1:1:function:${key}`
        }))
      }
    }
  }
  if (!world.functions.has(name)) return notFound
  const [operation = ""] = rest
  if (operation === "configuration" && method === "GET")
    return { body: { State: "Active", LastUpdateStatus: "Successful" } }
  if (operation === "configuration") return { body: {} }
  if (operation === "versions") return { status: 201, body: { Version: "1" } }
  if (operation === "provisioned-concurrency") {
    return method === "DELETE" ? { status: 204 } : { status: method === "PUT" ? 202 : 200, body: { Status: "READY" } }
  }
  if (operation === "invocations") {
    const id = crypto.randomUUID()
    const report = `REPORT RequestId: ${id}\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 512 MB\tMax Memory Used: 64 MB`
    world.lines.get(`/aws/lambda/${name}`)?.push(`START RequestId: ${id} Version: $LATEST\n`, `${report}\n`)
    return { body: { what: input["do"], role: `arn:aws:iam::${account}:role/x` } }
  }
  return method === "DELETE" && world.functions.delete(name) ? { status: 204 } : notFound
}

/** The routes of IAM: a form, answered with XML. */
const iam = (world: World, form: URLSearchParams): Answer => {
  const operation = form.get("Action") ?? ""
  const name = form.get("RoleName") ?? ""
  if (operation === "CreateRole") {
    world.roles.set(name, [form.get("Tags.member.1.Key") ?? ""])
    const arn = `<Arn>arn:aws:iam::${account}:role/effect-lambda-verify/${name}</Arn>`
    return { body: xml(operation, `<Role>${arn}<RoleName>${name}</RoleName></Role>`) }
  }
  if (operation === "ListRoles") {
    const members = [...world.roles.keys()].map((role) => `<member><RoleName>${role}</RoleName></member>`)
    return { body: xml(operation, `<Roles>${members.join("")}</Roles><IsTruncated>false</IsTruncated>`) }
  }
  if (operation === "ListRoleTags") {
    const members = (world.roles.get(name) ?? []).map((key) => `<member><Key>${key}</Key><Value>x</Value></member>`)
    return { body: xml(operation, `<Tags>${members.join("")}</Tags><IsTruncated>false</IsTruncated>`) }
  }
  if (!world.roles.has(name)) return { status: 404, error: "NoSuchEntity" }
  if (operation === "DeleteRole") world.roles.delete(name)
  return { body: xml(operation, "") }
}

/** The routes of CloudWatch Logs: the operation is in a header. */
const logs = (
  world: World,
  operation: string,
  input: Record<string, unknown>,
  always: ReadonlyArray<string>
): Answer => {
  const group = String(input["logGroupName"])
  if (operation === "CreateLogGroup") {
    world.groups.set(group, Object(input["tags"]))
    world.lines.set(group, [...always])
    return { body: {} }
  }
  if (operation === "DescribeLogGroups") {
    const logGroups = [...world.groups.keys()].map((key) => ({ arn: `arn:aws:logs:us-east-1:1:log-group:${key}:*` }))
    return { body: { logGroups } }
  }
  if (operation === "ListTagsForResource") {
    return { body: { tags: world.groups.get(String(input["resourceArn"]).split(":").at(-1) ?? "") ?? {} } }
  }
  if (!world.groups.has(group)) return { status: 400, error: "ResourceNotFoundException" }
  if (operation === "DeleteLogGroup") world.groups.delete(group)
  if (operation !== "FilterLogEvents") return { body: {} }
  // Two pages, so that the second is asked for.
  const lines = world.lines.get(group) ?? []
  const isSecond = input["nextToken"] === "second"
  const page = isSecond ? lines.slice(1) : lines.slice(0, 1)
  const events = page.map((message, index) => ({ logStreamName: "environment", timestamp: index, message }))
  return { body: { events, ...(isSecond ? {} : { nextToken: "second" }) } }
}

/** Starts the fake; it ends with the scope. */
export const fakeAws = Effect.fnUntraced(function* ({ lines = [], refuse }: FakeOptions = {}) {
  const world: World = {
    functions: new Map(),
    layers: new Map(),
    roles: new Map(),
    groups: new Map(),
    lines: new Map(),
    calls: []
  }
  const answer = async (request: IncomingMessage): Promise<Answer> => {
    const body = await bodyOf(request)
    const path = new URL(request.url ?? "/", "http://fake").pathname
    const target = request.headers["x-amz-target"]
    const isForm = request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") === true
    const form = new URLSearchParams(isForm ? body : "")
    const operation = typeof target === "string" ? (target.split(".")[1] ?? "") : (form.get("Action") ?? "")
    const call = operation === "" ? `${request.method} ${path}` : operation
    world.calls.push(call)
    const refused = refuse?.(call)
    if (refused !== undefined) return refused
    if (typeof target === "string") return logs(world, operation, JSON.parse(body), lines)
    return isForm ? iam(world, form) : lambda(world, request.method ?? "", path, body)
  }
  const server = createServer((request, response) => {
    void answer(request).then(({ body, error, status = 200 }) => {
      const isXml = request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") === true
      if (error !== undefined) {
        const json = JSON.stringify({ __type: error, Type: "User", message: `${error} of the fake` })
        const inner = `<Error><Code>${error}</Code><Message>${error} of the fake</Message></Error>`
        response
          .writeHead(status, { "x-amzn-errortype": error })
          .end(isXml ? `<ErrorResponse>${inner}</ErrorResponse>` : json)
        return
      }
      response.writeHead(status).end(typeof body === "string" ? body : body === undefined ? "" : JSON.stringify(body))
    })
  })
  const endpoint = yield* Effect.acquireRelease(
    Effect.callback<string>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed(`http://127.0.0.1:${typeof address === "object" ? address?.port : address}`))
      })
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  return { endpoint, world }
})
