/** Prints docs/protocol.md with its table of unconfirmed facts renewed; `--write` writes it. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { renew } from "./Unconfirmed.ts"

const document = join(import.meta.dirname, "../../../../docs/protocol.md")
const renewed = renew(readFileSync(document, "utf8"))
if (process.argv.includes("--write")) writeFileSync(document, renewed)
else process.stdout.write(renewed)
