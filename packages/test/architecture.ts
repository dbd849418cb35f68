/**
 * Prints the structure of each package for docs/architecture.md: folders, the imports between them, and modules with the
 * first sentence of their comments. Usage: `node packages/test/architecture.ts`, and `--write` to update the document.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { documentPath, insert, renderRepository } from "./support/Architecture.ts"

const structure = renderRepository()
if (process.argv.includes("--write")) {
  writeFileSync(documentPath, insert(readFileSync(documentPath, "utf8"), structure))
} else process.stdout.write(`${structure}\n`)
