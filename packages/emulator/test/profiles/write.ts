/** Writes the table of profiles into `docs/emulator.md`: `node packages/emulator/test/profiles/write.ts`. */
import * as Fs from "node:fs"
import { document, withTable } from "./table.ts"

Fs.writeFileSync(document, withTable(Fs.readFileSync(document, "utf8")))
