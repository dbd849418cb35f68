/** runMain and what it sends on LLRT, as a real process against scripted servers. */
import { play } from "../../test/runtimes/scenario.ts"
import { failures } from "./life/failures.ts"
import { life } from "./life/life.ts"
import { certificates, compressed, taken, thaws } from "./life/sinks.ts"

play("LLRT", [...life, ...failures, ...thaws, ...certificates, ...compressed, ...taken])
