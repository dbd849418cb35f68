/** The stub as a real process, with a program that shows what it was started with; and what Lambda answers it. */
import { PreRegistration } from "@effect-lambda/extension-node"
import * as Effect from "effect/Effect"
import { join } from "node:path"
import * as Stub from "../../src/build/entry/Stub.ts"
import { execute, layerOf } from "./layers.ts"

/** A program that shows what it was started with: its environment, then what Linux knows of its process. */
const dump = `#!/bin/sh
exec /bin/cat /proc/self/environ /proc/self/status "$@"
`

export const options: Stub.Options = { name: "hello", events: ["INVOKE", "SHUTDOWN"], runtime: "bun" }

/** Another bash for the same tables, such as the 3.2 of macOS. */
export const bash = process.env.EFFECT_LAMBDA_TEST_BASH ?? "/bin/bash"

export const run = Effect.fnUntraced(function* (
  host: string | undefined,
  { env = {}, file = "hello", ...changed }: Partial<Stub.Options> & { env?: Record<string, string>; file?: string } = {}
) {
  const directory = yield* layerOf({
    [`extensions/${file}`]: Stub.render({ ...options, ...changed }).replace("#!/bin/bash", `#!${bash}`),
    "hello/bin/hello": dump,
    "hello/bin/llrt": dump,
    "hello/index.mjs": ""
  })
  const ended = yield* execute(join(directory, "extensions", file), {
    PATH: "",
    ...(host === undefined ? undefined : { AWS_LAMBDA_RUNTIME_API: host }),
    ...env
  })
  const entries = ended.stdout.toString("latin1").split("\0")
  const variables = new Map(entries.slice(0, -1).map((entry) => [entry.split("=", 1)[0], entry.replace(/^[^=]*=/, "")]))
  return { ...ended, directory, variables, status: entries.at(-1) ?? "" }
})

export const body = '{"schemaVersion":"2025-01-29","types":["platform"],"destination":{"protocol":"TCP","port":24255}}'

export const handOver = (variables: ReadonlyMap<string | undefined, string>) => ({
  identifier: variables.get(PreRegistration.identifierVariable),
  events: variables.get(PreRegistration.eventsVariable),
  response: variables.get(PreRegistration.responseVariable)
})

export const identifier = "8b9ed9b8-3a1a-4a3e-9d2b-2f0e1d6a0c11"

export const head = (length: number | string | undefined, more: ReadonlyArray<string> = []) =>
  [
    "HTTP/1.1 200 OK",
    "Content-Type: application/json",
    `Lambda-Extension-Identifier: ${identifier}`,
    ...(length === undefined ? [] : [`Content-Length: ${length}`]),
    ...more,
    "",
    ""
  ].join("\r\n")

export const plain = Buffer.from('{"functionName":"f","functionVersion":"$LATEST","handler":"h"}\n')

export const ok = (body: Uint8Array, ...more: ReadonlyArray<string>) =>
  Buffer.concat([Buffer.from(head(body.length, more)), body])
