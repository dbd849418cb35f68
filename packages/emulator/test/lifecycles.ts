/** Environments of real processes, and their journals in short words. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import type * as Journal from "@effect-lambda/emulator/Journal"
import * as Effect from "effect/Effect"
import * as Path from "node:path"
import { script, startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

/** The journal as short words, for order assertions; `only` keeps some kinds. */
export const words = (
  entries: ReadonlyArray<Journal.JournalEntry>,
  ...only: ReadonlyArray<string>
): ReadonlyArray<string> =>
  entries
    .filter((entry) => only.length === 0 || only.includes(entry._tag))
    .map((entry) => ("source" in entry ? `${entry._tag} ${entry.source}` : entry._tag))

export const of = (entries: ReadonlyArray<Journal.JournalEntry>, source: Journal.Source) =>
  entries.filter((entry) => "source" in entry && entry.source === source)

export const environment = Effect.fnUntraced(function* (
  extensions: Readonly<Record<string, string>>,
  functionText: string,
  options: Emulator.Options = {}
) {
  const directory = yield* temporaryDirectory
  const files = Object.entries(extensions).map(([name, text]) => writeExecutable(directory, name, text))
  const handler = writeExecutable(directory, "function.cjs", functionText)
  return yield* startEmulator({
    extensions: files,
    function: { command: [handler] },
    timeout: "10 seconds",
    ...options
  })
})

export const idleExtension = (events: ReadonlyArray<string>) =>
  script(`await register(${JSON.stringify(events)}); for (;;) await next()`)

/** Ends with the given code at the given moment of its first life only; afterwards it is polite. */
export const onceThenPolite = (directory: string, name: string, first: string) =>
  script(`
    const marker = ${JSON.stringify(Path.join(directory, `${name}.marker`))}
    const fs = require("node:fs")
    if (!fs.existsSync(marker)) {
      fs.writeFileSync(marker, "")
      ${first}
    }
    await register(["INVOKE", "SHUTDOWN"])
    for (;;) if ((await next()).eventType === "SHUTDOWN") process.exit(0)`)
