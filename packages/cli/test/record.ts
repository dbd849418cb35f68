/**
 * `node packages/cli/test/record.ts`: runs the three mistakes of docs/emulator.md and writes what is seen between the
 * marks there.
 */
import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "../../..")
const document = join(root, "docs/emulator.md")
const fixtures = "packages/cli/test/fixtures"

const runs = [
  {
    title: "A crash at init",
    extension: "naive-crash-at-init.mjs",
    lookAt:
      "The extension exits with code 0 before it has registered. Any exit before SHUTDOWN is a crash. Lambda tries init " +
      "again inside the invocation, so the crash comes twice. The runtime never starts, since it waits for every extension " +
      "to register. Look at the first `exited with`."
  },
  {
    title: "An overrun after the response",
    extension: "naive-overrun.mjs",
    lookAt:
      "The function responds in milliseconds and the caller has its answer, but the extension does not call next. The " +
      "invocation stays open until the function timeout, which is billed, and the environment is reset. Look at the time " +
      "between `responded` and `invocation ended`."
  },
  {
    title: "A hang at shutdown",
    extension: "naive-hang-at-shutdown.mjs",
    lookAt:
      "The extension gets SHUTDOWN and does not exit by itself. Lambda kills it at the deadline, and records that it had " +
      "not sent are lost. Look at the time between `SHUTDOWN` and `SIGKILL`."
  }
]

const sections = runs.map(({ extension, lookAt, title }) => {
  const args = [
    "emulate",
    "-e",
    `${fixtures}/${extension}`,
    "-f",
    `${fixtures}/handler.mjs`,
    "-n",
    "1",
    "--timeout",
    "1"
  ]
  const run = spawnSync(process.execPath, [join(root, "packages/cli/bin/effect-lambda.mjs"), ...args], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
    timeout: 60_000
  })
  const output = `$ pnpm exec effect-lambda ${args.join(" ")}\n${run.stdout}${run.stderr}$ echo $?\n${run.status}`
  return `### ${title}\n\n${lookAt}\n\n\`\`\`\n${output}\n\`\`\`\n`
})

const start = "<!-- recorded:start -->"
const end = "<!-- recorded:end -->"
const text = readFileSync(document, "utf8")
const [before, rest] = text.split(start)
const after = rest?.split(end)[1]
if (before === undefined || after === undefined) throw new Error(`${document} has no ${start} … ${end}`)
writeFileSync(document, `${before}${start}\n\n${sections.join("\n")}\n${end}${after}`)
