/** The promises of each cell of the matrix on Node. */
import { bundled } from "../../../tools/programs.ts"
import { promise } from "./cells.ts"
import { source } from "./matrix.ts"

promise(() => bundled(source))
