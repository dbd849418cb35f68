/** The Invoke API over HTTP: the AWS SDK's own client against profile real, raw requests against the others. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as InvokeApiServer from "../src/internal/server/InvokeApiServer.ts"
import * as Journal from "@effect-lambda/emulator/Journal"
import { InvokeCommand, LambdaClient, LambdaServiceException } from "@aws-sdk/client-lambda"
import type { InvokeCommandInput, InvokeCommandOutput } from "@aws-sdk/client-lambda"
import { profiles } from "@effect-lambda/emulator/Profile"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import { hangs, request, startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

const handlerText = `export const handler = async (event, context) => {
  if (event?.what === "fail") throw new TypeError("bad order")
  if (event?.what === "hang") await new Promise(() => setInterval(() => {}, 1000))
  if (event?.what === "crash") process.exit(3)
  return { event, arn: context.invokedFunctionArn, client: context.clientContext, id: context.awsRequestId }
}`

const withEndpoint = Effect.fnUntraced(function* (options: Emulator.Options = {}) {
  const directory = yield* temporaryDirectory
  const handler = writeExecutable(directory, "index.mjs", handlerText, 0o644)
  const emulator = yield* startEmulator({ function: { handler }, invokeListen: { port: 0 }, ...options })
  const endpoint = emulator.invokeEndpoint ?? ""
  assert.match(endpoint, /^http:\/\/127\.0\.0\.1:\d+$/)
  return { emulator, endpoint, address: endpoint.replace("http://", "") }
})

const withClient = Effect.fnUntraced(function* (options: Emulator.Options = {}) {
  const { emulator, endpoint } = yield* withEndpoint(options)
  const client = yield* Effect.acquireRelease(
    Effect.sync(
      () =>
        new LambdaClient({
          endpoint,
          region: "us-east-1",
          maxAttempts: 1,
          credentials: { accessKeyId: "a", secretAccessKey: "b" }
        })
    ),
    (client) => Effect.sync(() => client.destroy())
  )
  const send = (input: InvokeCommandInput): Effect.Effect<InvokeCommandOutput, LambdaServiceException> =>
    Effect.tryPromise({
      try: (signal) => client.send(new InvokeCommand(input), { abortSignal: signal }),
      catch: (error) => {
        assert.instanceOf(error, LambdaServiceException)
        return error
      }
    })
  return { emulator, send }
})

const textOf = ({ Payload }: InvokeCommandOutput): string => Payload?.transformToString() ?? ""

describe("the AWS SDK's Lambda client", () => {
  it.live("invokes, whatever name it uses; qualifier, client context and request id arrive", () =>
    Effect.gen(function* () {
      const { emulator, send } = yield* withClient({ functionName: "orders" })
      const arn = "arn:aws:lambda:us-east-1:123456789012:function:orders"
      const names = ["orders", "function", "another", "orders:live", arn, `${arn}:live`]
      const answers = yield* Effect.forEach(names, (FunctionName) =>
        send({ FunctionName, Payload: '{"n":"é€"}', ClientContext: Buffer.from('{"custom":{}}').toString("base64") })
      )
      assert.deepStrictEqual(
        answers.map((answer) => JSON.parse(textOf(answer)).arn),
        [arn, arn, arn, `${arn}:live`, arn, `${arn}:live`]
      )
      const [first] = answers
      assert.isDefined(first)
      assert.deepInclude(first, { StatusCode: 200, ExecutedVersion: "$LATEST" })
      assert.isUndefined(first.FunctionError)
      const { client, event, id } = JSON.parse(textOf(first))
      assert.deepStrictEqual([client, event, id], [{ custom: {} }, { n: "é€" }, first.$metadata.requestId])

      const qualified = yield* send({ FunctionName: "orders", Qualifier: "7", Payload: "{}" })
      assert.strictEqual(JSON.parse(textOf(qualified)).arn, `${arn}:7`)
      const empty = yield* send({ FunctionName: "orders" })
      assert.deepStrictEqual(JSON.parse(textOf(empty)).event, {})
      yield* emulator.journal.waitFor(Journal.is("RuntimeDone", ({ requestId }) => requestId === id))
    })
  )

  it.live("sees a function error, a timeout and a crash as FunctionError", () =>
    Effect.gen(function* () {
      const { send } = yield* withClient({ timeout: "2 seconds" })
      const errors = yield* Effect.forEach(["fail", "crash", "hang"], (what) =>
        Effect.map(send({ FunctionName: "f", Payload: JSON.stringify({ what }) }), (answer) => {
          const { errorMessage, errorType }: { readonly errorMessage: string; readonly errorType: string } = JSON.parse(
            textOf(answer)
          )
          assert.strictEqual(answer.StatusCode, 200)
          return [answer.FunctionError, errorType, errorMessage.replace(/^RequestId: \S+ /, "")]
        })
      )
      assert.deepStrictEqual(errors, [
        ["Unhandled", "TypeError", "bad order"],
        ["Unhandled", "Runtime.ExitError", "Error: Runtime exited with error: exit status 3"],
        ["Unhandled", "Sandbox.Timedout", "Error: Task timed out after 2.00 seconds"]
      ])
    })
  )

  it.live("asynchronous: accepted at once, run later, its failure is in the journal; a dry run runs nothing", () =>
    Effect.gen(function* () {
      const { emulator, send } = yield* withClient()
      const dry = yield* send({ FunctionName: "f", InvocationType: "DryRun" })
      assert.strictEqual(dry.StatusCode, 204)
      const accepted = yield* send({ FunctionName: "f", InvocationType: "Event", Payload: '{"what":"fail"}' })
      assert.deepStrictEqual([accepted.StatusCode, textOf(accepted)], [202, ""])
      const responded = yield* emulator.journal.waitFor(Journal.is("RuntimeResponded"))
      assert.deepStrictEqual(
        [responded.requestId, responded.functionError],
        [accepted.$metadata.requestId, "Runtime.Unknown"]
      )
      assert.lengthOf((yield* emulator.journal.entries).filter(Journal.is("InvocationStarted")), 1)
    })
  )

  it.live("refusals of the API come as the SDK's own exceptions", () =>
    Effect.gen(function* () {
      const { emulator, send } = yield* withClient()
      const refused = (input: Partial<InvokeCommandInput>) =>
        Effect.map(Effect.flip(send({ FunctionName: "f", ...input })), ({ $metadata, message, name }) => [
          $metadata.httpStatusCode,
          name,
          message
        ])
      assert.deepStrictEqual(yield* refused({ Payload: "{no json" }), [
        400,
        "InvalidRequestContentException",
        "Could not parse request body into json"
      ])
      assert.deepStrictEqual(yield* refused({ Payload: "{}", ClientContext: "%%%" }), [
        400,
        "InvalidRequestContentException",
        "Client context must be a valid Base64-encoded JSON object."
      ])
      assert.deepStrictEqual(yield* refused({ Payload: JSON.stringify("x".repeat(6_291_556)) }), [
        413,
        "RequestTooLargeException",
        "Request must be smaller than 6291556 bytes for the InvokeFunction operation"
      ])
      yield* emulator.shutdown()
      assert.deepStrictEqual(yield* refused({ Payload: "{}" }), [
        500,
        "ServiceException",
        "The environment has been shut down. Build the layer again for a new one."
      ])
    })
  )
})

const path = "/2015-03-31/functions/function/invocations"

describe("profile real, raw", () => {
  it.live("other paths, methods and types are refused with a sentence; malformed ones do no harm", () =>
    Effect.gen(function* () {
      const { address } = yield* withEndpoint()
      const cases = [
        ["GET", "/", 404, "The emulator has no GET /; it has POST /2015-03-31/functions/<name>/invocations."],
        ["GET", path, 405, "An invocation is a POST."],
        ["POST", "/2015-03-31/functions/%E0%A4%A/invocations", 404, undefined],
        ["POST", "//%zz?x=%zz&&&", 404, undefined]
      ] as const
      for (const [method, url, status, message] of cases) {
        const answer = yield* request(address, method, url, {}, "x")
        assert.strictEqual(answer.status, status, url)
        if (message !== undefined) assert.strictEqual(JSON.parse(answer.body).Message, message)
        assert.strictEqual(answer.headers["x-amzn-errortype"], "UnknownOperationException")
      }
      const type = yield* request(address, "POST", path, { "X-Amz-Invocation-Type": "Sometimes" })
      assert.deepStrictEqual([type.status, type.headers["x-amzn-errortype"]], [400, "InvalidParameterValueException"])
      // A client that goes away in the middle of its request invokes nothing.
      yield* Effect.callback<void>((resume) => {
        const [host = "", port] = address.split(":")
        const socket = Net.connect(Number(port), host, () => {
          socket.write(`POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\nhalf`, () => {
            socket.destroy()
            resume(Effect.void)
          })
        })
      })
      assert.strictEqual((yield* request(address, "POST", path, {}, "{}")).status, 200)
    })
  )

  it.live("a header keeps its bytes in both directions; a character that it cannot hold becomes a space", () =>
    Effect.gen(function* () {
      const { address, emulator } = yield* withEndpoint({ functionVersion: "é\n1" })
      const utf8 = (text: string) => Buffer.from(text).toString("latin1")
      const answer = yield* request(address, "POST", path, { "X-Amz-Tenant-Id": utf8("zoë") })
      assert.deepStrictEqual([answer.status, answer.headers["x-amz-executed-version"]], [200, utf8("é 1")])
      const started = yield* emulator.journal.waitFor(Journal.is("InvocationStarted"))
      assert.strictEqual(started.tenantId, "zoë")
    })
  )

  it.live("a port in use, and a host that is not loopback: one sentence each", () =>
    Effect.gen(function* () {
      const { address } = yield* withEndpoint()
      const port = Number(address.split(":")[1])
      const taken = yield* Effect.flip(startEmulator({ invokeListen: { port } }))
      assert.strictEqual(
        taken.message,
        `Emulator.layer: Cannot listen on 127.0.0.1:${port}: the port is in use. Choose another port, or 0 for any free port.`
      )
      const open = yield* Effect.flip(startEmulator({ invokeListen: { host: "0.0.0.0", port: 0 } }))
      assert.strictEqual(
        open.message,
        "Emulator.layer: 0.0.0.0 is not a loopback address. Listen on 127.0.0.1, ::1 or localhost."
      )
    })
  )
})

describe("profile rie, raw", () => {
  it.live("outcomes as AWS's emulator has them", () =>
    Effect.gen(function* () {
      const { address } = yield* withEndpoint({ profile: "rie", timeout: "2 seconds", functionName: "orders" })
      const post = (body: string, headers: Readonly<Record<string, string>> = {}, url = path) =>
        Effect.map(request(address, "POST", url, headers, body), ({ body, headers, status }) => ({
          status,
          body,
          type: headers["content-type"],
          error: headers["x-amz-function-error"]
        }))
      const plain = yield* post("{}")
      assert.deepStrictEqual([plain.status, plain.error], [200, undefined])
      assert.strictEqual(JSON.parse(plain.body).arn, "arn:aws:lambda:us-east-1:012345678912:function:orders")
      // The method does not matter, the name does.
      assert.strictEqual((yield* request(address, "PUT", path, {}, "{}")).status, 200)
      assert.strictEqual((yield* post("{}", {}, path.replace("/function/", "/orders/"))).status, 404)
      assert.deepInclude(yield* post("{}", { "X-Amz-Client-Context": "%%%" }), { status: 500, body: "" })

      const failed = yield* post('{"what":"fail"}')
      assert.deepStrictEqual([failed.status, JSON.parse(failed.body).errorType], [200, "TypeError"])
      const crashed = yield* post('{"what":"crash"}')
      assert.deepStrictEqual([crashed.status, JSON.parse(crashed.body).errorType], [502, "Runtime.ExitError"])
      assert.deepInclude(yield* post('{"what":"hang"}'), {
        status: 200,
        body: "Task timed out after 2.00 seconds"
      })
    })
  )

  it.live("after the end of the environment it answers 500 and why", () =>
    Effect.gen(function* () {
      const { address, emulator } = yield* withEndpoint({ profile: "rie", timeout: "2 seconds" })
      yield* emulator.shutdown()
      const { body, status } = yield* request(address, "POST", path, {}, "{}")
      assert.strictEqual(status, 500)
      assert.match(body, /^The environment has been shut down\./)
    })
  )

  it.live("a second invocation while one runs is 400 and empty", () =>
    Effect.gen(function* () {
      const { address, emulator } = yield* withEndpoint({ profile: "rie", timeout: "10 seconds" })
      yield* Effect.forkScoped(request(address, "POST", path, {}, '{"what":"hang"}'))
      yield* emulator.journal.waitFor(Journal.is("InvocationDelivered"))
      const { body, status } = yield* request(address, "POST", path, {}, "{}")
      assert.deepStrictEqual([status, body], [400, ""])
    })
  )
})

describe("the server", () => {
  it.live("a client that goes away does not end its invocation; the end of the scope does", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<string | Uint8Array>()
      const finish = yield* Deferred.make<void>()
      const finished = yield* Deferred.make<void>()
      const endpoint = yield* InvokeApiServer.make({
        profile: profiles.real,
        listen: { port: 0 },
        functionVersion: "1",
        timeoutSeconds: 3,
        maxPayloadBytes: 10,
        invoke: (payload) =>
          Effect.gen(function* () {
            yield* Deferred.succeed(started, payload)
            yield* Deferred.await(finish)
            yield* Deferred.succeed(finished, undefined)
            return { payload: "{}", functionError: undefined, respondedByRuntime: true }
          })
      })
      const abort = new AbortController()
      const sent = fetch(`${endpoint}${path}`, { method: "POST", body: "[1]", signal: abort.signal }).catch(
        () => "aborted"
      )
      assert.strictEqual(yield* Deferred.await(started), "[1]")
      abort.abort()
      assert.strictEqual(yield* Effect.promise(() => sent), "aborted")
      yield* Deferred.succeed(finish, undefined)
      yield* Effect.timeout(Deferred.await(finished), hangs)
    })
  )
})
