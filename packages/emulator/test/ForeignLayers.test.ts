/**
 * Extensions in the manner of real ones, each to the end of its environment. Another extension is one more row, and a
 * folder laid out as /opt in `fixtures/foreign`.
 */
import { describe, it } from "@effect/vitest"
import * as Path from "node:path"
import { type Foreign, run } from "./foreign.ts"

const fixtures = Path.join(import.meta.dirname, "fixtures/foreign")
const opt = (name: string) => ({ opt: Path.join(fixtures, name) })
const both = ["INVOKE", "SHUTDOWN"]

const rows: ReadonlyArray<Foreign> = [
  {
    name: "python-telemetry",
    at: opt("python-telemetry"),
    needs: "python3",
    events: both,
    subscription: /^telemetry 2022-07-01 platform,function,extension http:\/\/sandbox\.localdomain:\d+/,
    brings: ["platform.start", "platform.runtimeDone", "platform.report"],
    says: ["extension: python-telemetry launches", "extension: python-telemetry handles SHUTDOWN"]
  },
  {
    name: "sandbox-shipper",
    at: opt("sandbox-shipper"),
    events: both,
    subscription: /^telemetry 2025-01-29 platform,function http:\/\/sandbox(\.localdomain)?:\d+/,
    brings: ["platform.start", "platform.runtimeDone", "platform.report"]
  },
  {
    name: "opt-node",
    at: opt("opt-node"),
    events: both,
    subscription: /^telemetry 2022-12-13 platform,function,extension http:\/\/sandbox\.localdomain:\d+/,
    brings: ["platform.start", "platform.runtimeDone", "platform.report"],
    says: ["extension: handles INVOKE", "extension: handles SHUTDOWN"]
  },
  {
    name: "child-of-bash",
    at: opt("child-of-bash"),
    events: both,
    subscription: /^logs 2020-08-15 platform,function,extension http:\/\/sandbox(\.localdomain)?:\d+\/logs/,
    brings: ["platform.start", "platform.end", "platform.report"],
    late: 1
  },
  {
    name: "logs-tcp",
    at: opt("logs-tcp"),
    needs: "python3",
    events: both,
    subscription: /^logs 2021-03-18 platform,function tcp:\/\/sandbox\.localdomain:\d+/,
    brings: ["platform.start", "platform.runtimeDone", "platform.end", "platform.report"]
  },
  {
    name: "internal-flush",
    at: { function: Path.join(fixtures, "internal/internal-flush.mjs") },
    events: ["INVOKE"],
    brings: ["span handler"],
    says: ["span SIGTERM"]
  },
  {
    name: "internal-sigterm",
    needs: "python3",
    at: { function: Path.join(fixtures, "internal/internal-sigterm.py") },
    events: [],
    brings: ["span handler"],
    says: ["span SIGTERM"]
  }
]

// The extensions run one after another: the two seconds of SHUTDOWN are too short for many on a busy machine.
describe.each(rows)("$name", (row) => {
  it.live("registers, subscribes, delivers what it is given, and ends in order", () => run(row))
})
