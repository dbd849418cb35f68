/** runMain on LLRT, as a real process against a scripted server. */
import { failures } from "./life/failures.ts"
import { life } from "./life/life.ts"
import { play } from "./support/scenario.ts"

play("LLRT", [...life, ...failures])
