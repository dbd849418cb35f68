/** Writes `docs/conformance.md` from the table of cases: `node packages/emulator/scripts/conformance.ts`. */
import * as Fs from "node:fs"
import { render } from "../test/conformance/cases.ts"

Fs.writeFileSync(new URL("../../../docs/conformance.md", import.meta.url), render())
