/** `npm run verify:aws`: compares docs/protocol.md with Lambda itself, in an account of yours. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import process from "node:process"
import { exitCode, runCommand } from "./Command.ts"

// Ctrl-C interrupts, and the scopes remove what was made.
runCommand(process.argv.slice(2)).pipe(
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ teardown: (exit, onExit) => onExit(exitCode(exit)) })
)
