/**
 * Layers of others from npm, their files as they are, by `effect-lambda emulate --opt`: each to SHUTDOWN, with what it
 * has to deliver at a backend. Another layer is one more row.
 */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import { createServer } from "node:http"
import { createRequire } from "node:module"
import * as Os from "node:os"
import * as Path from "node:path"
import { start } from "../support/cli.ts"

interface Posted {
  readonly path: string
  readonly body: string
}

interface Row {
  readonly name: string
  /** The layer; npm has the files of some in another place, and they are laid out in a folder of the test. */
  readonly layer: (folder: string) => string
  /** The flag for the function, and its file. */
  readonly function: readonly ["--function" | "--bootstrap", string]
  readonly environment: (backend: string) => ReadonlyArray<string>
  /** Is everything at the backend that it has to deliver of the two invocations? */
  readonly check: (posted: ReadonlyArray<Posted>, requestIds: ReadonlyArray<string>) => void
  /** Batches of telemetry that its listener has taken, at least. */
  readonly batches: number
  /**
   * `killed`: the extension never reads the kind of its event. `races`: it waits at SHUTDOWN for a record that may have come
   * just before, and then it waits until it is killed.
   */
  readonly end: "killed" | "races"
  /** The files that it leaves on the disk; on Lambda they go with the environment. */
  readonly leaves: ReadonlyArray<string>
}

const fixtures = Path.join(import.meta.dirname, "../fixtures/foreign")

const packageFolder = (name: string): string =>
  Path.dirname(createRequire(import.meta.url).resolve(`${name}/package.json`))

const rows: ReadonlyArray<Row> = [
  {
    name: "sentry-extension",
    layer: (folder) => {
      const from = Path.join(packageFolder("@sentry/aws-serverless"), "build/lambda-extension")
      const program = Path.join(folder, "sentry-extension/index.mjs")
      for (const name of ["extensions", "sentry-extension"]) Fs.mkdirSync(Path.join(folder, name))
      Fs.copyFileSync(Path.join(from, "sentry-extension"), Path.join(folder, "extensions/sentry-extension"))
      Fs.copyFileSync(Path.join(from, "index.mjs"), program)
      // The file on npm has no x bit; the layer that Sentry builds has it.
      Fs.chmodSync(program, 0o755)
      return folder
    },
    function: ["--function", "sentry-function.mjs"],
    environment: (backend) => [`SENTRY_DSN=${backend.replace("http://", "http://key@")}/1`],
    check: (posted) => {
      assert.deepStrictEqual(
        posted.map(({ body, path }) => [path, body.split("\n")[2]]),
        Array.from({ length: 2 }, () => ["/api/1/envelope/?sentry_version=7&sentry_key=key", '{"message":"hello"}'])
      )
    },
    batches: 0,
    end: "killed",
    leaves: []
  },
  {
    name: "otel-extension",
    layer: () => Path.join(packageFolder("@serverless/aws-lambda-otel-extension-dist"), "extension.zip"),
    function: ["--bootstrap", "otel-function/bootstrap"],
    environment: (backend) => [
      `SLS_OTEL_REPORT_METRICS_URL=${backend}/metrics`,
      `SLS_OTEL_REPORT_TRACES_URL=${backend}/traces`
    ],
    check: (posted, [first = "", second = ""]) => {
      // The body is Protobuf, which holds texts as they are.
      const bodies = (path: string, ...texts: ReadonlyArray<string>) =>
        posted.filter((each) => each.path === path && texts.every((text) => each.body.includes(text)))
      for (const id of [first, second]) {
        assert.lengthOf(bodies("/traces", id, "@opentelemetry/instrumentation-aws-lambda"), 1)
        assert.lengthOf(bodies("/metrics", id, "faas.invoke"), 1)
      }
      // The extension makes it from the platform.report, which comes with the second invocation.
      assert.isAtLeast(bodies("/metrics", first, "faas.duration", "faas.memory").length, 1)
    },
    batches: 3,
    end: "races",
    leaves: ["/tmp/sls-save-log.json", "/tmp/sent-requests.json"]
  }
]

/** A backend to deliver to, until the end of the test. */
const withBackend = async (use: (url: string, posted: ReadonlyArray<Posted>) => Promise<void>) => {
  const posted: Array<Posted> = []
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString("latin1")
    posted.push({ path: request.url ?? "", body })
    response.end("{}")
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  try {
    await use(`http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`, posted)
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

const readJournal = (file: string): ReadonlyArray<Journal.JournalEntry> =>
  Fs.readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))

describe.each(rows)("$name", (row) => {
  it("registers, delivers, and its end is in the summary", async () => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "foreign-"))
    const journal = Path.join(folder, "journal.jsonl")
    const removeWhatItLeaves = () => row.leaves.forEach((file) => Fs.rmSync(file, { force: true }))
    removeWhatItLeaves()
    try {
      await withBackend(async (url, posted) => {
        Fs.mkdirSync(Path.join(folder, "layer"))
        const layer = row.layer(Path.join(folder, "layer"))
        const environment = row.environment(url).flatMap((variable) => ["--env", variable])
        const [flag, file] = row.function
        const command = ["emulate", "--opt", layer, flag, Path.join(fixtures, file), "-n", "2"]
        const more = ["-p", '{"message":"hello"}', "--timeout", "20", "--journal", journal, ...environment]
        const { code, output } = await start([...command, ...more]).ended
        if (output.includes("this machine does not let")) {
          // A machine that permits no mount says so before anything starts.
          return assert.match(output, /^note: \S+ names \/opt, and this machine does not let/m)
        }
        const entries = readJournal(journal)
        assert.deepStrictEqual(
          entries.filter(Journal.is("Registered")).map(({ events, source }) => [source, events.join()]),
          [[`extension:${row.name}`, "INVOKE,SHUTDOWN"]],
          output
        )
        const done = entries.filter(Journal.is("InvocationDone"))
        assert.deepStrictEqual(
          done.map(({ status }) => status),
          ["success", "success"],
          output
        )
        row.check(
          posted,
          done.map(({ requestId }) => requestId)
        )
        assert.isAtLeast(entries.filter(Journal.is("TelemetryDelivered")).length, row.batches, output)
        assert.lengthOf(entries.filter(Journal.is("TelemetryNotDelivered")), 0, output)

        const isKilled = output.includes(`problem: ${row.name} did not exit by itself after SHUTDOWN and was killed`)
        assert.strictEqual(isKilled, entries.some(Journal.is("Killed", ({ signal }) => signal === "SIGKILL")))
        assert.strictEqual(code, isKilled ? 1 : 0, output)
        if (row.end === "killed") assert.isTrue(isKilled, output)
      })
    } finally {
      removeWhatItLeaves()
      Fs.rmSync(folder, { recursive: true, force: true })
    }
  })
})
