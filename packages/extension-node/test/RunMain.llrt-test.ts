/** runMain on LLRT, as a real process against a scripted server. */
import { failures } from "./life/failures.ts"
import { life } from "./life/life.ts"
import { play } from "../../test/runtimes/scenario.ts"

play("LLRT", [...life, ...failures])
