/** The promises of each cell of the matrix on LLRT. */
import { onLlrt } from "../../../tools/programs.ts"
import { promise } from "./cells.ts"
import { source } from "./matrix.ts"

promise(() => onLlrt(source))
