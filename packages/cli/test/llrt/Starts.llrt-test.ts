/** The examples as layers on LLRT, with both starts. */
import { playOnce, rows } from "../starts/once.ts"

playOnce(rows, "llrt")
