/** The examples as layers on LLRT. */
import { playOnce, rows } from "../starts/once.ts"

playOnce(
  rows.filter(({ start }) => start === "ready"),
  "llrt"
)
