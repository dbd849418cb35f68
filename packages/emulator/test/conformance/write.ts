/** Writes `docs/conformance.md` from the table of cases: `node packages/emulator/test/conformance/write.ts`. */
import * as Fs from "node:fs"
import { render } from "./cases.ts"

Fs.writeFileSync(new URL("../../../../docs/conformance.md", import.meta.url), render())
