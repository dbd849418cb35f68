/** The tests that `npm test` runs: those of the packages, of the examples and of the templates. */
import { dirname, join } from "node:path"
import process from "node:process"
import { defineConfig } from "vitest/config"

// Workers, and the programs that tests start from here, load again and again what one of them has compiled.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, "../../node_modules/.cache/compile")

/** Tests of modules, beside tests that start programs. */
const modules = [
  "cli/test/{CloudWatchLines,EnvFlag,Findings,FunctionVariables,HostileLayers,LayerFiles,LayerMerge}.test.ts",
  "cli/test/{Shortfalls,Stub,StubServer,Summary,ZipReader}.test.ts",
  "test/{Operations,Options,Policy,Protocol}.test.ts"
]

/** Each of these files leaves variables, folder and signals of its process as they were. */
const together = ["{extension,extension-node,emulator}/test/**/*.test.ts", ...modules]

/** They measure the memory of their process, or how its time grows: nothing of another file may be in it. */
const measuring = [
  "extension/test/telemetry/LogFields.test.ts",
  "extension/test/telemetry/TelemetryBounds.test.ts",
  "extension/test/telemetry/TelemetryMemory.test.ts",
  "extension/test/telemetry/TelemetryReceiver.test.ts",
  "extension-node/test/NodeTelemetryListener.test.ts",
  "emulator/test/HttpBytes.test.ts",
  "emulator/test/RuntimeApiServer.test.ts"
]

export default defineConfig({
  root: dirname(import.meta.dirname),
  test: {
    globalSetup: join(import.meta.dirname, "programs.ts"),
    // A worker of three mostly waits for a process or a limit of time: two cores are busy then, and the suite takes an eighth less.
    maxWorkers: 3,
    // A bound for a test that hangs, and no measure: a busy machine needs its time.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      {
        // A third of a second of each file is the start of a process that loads Effect and Vitest.
        extends: true,
        test: { name: "together", include: together, exclude: measuring, isolate: false }
      },
      {
        // These change the variables of their process, share a folder that each removes, or take so long anyway that
        // a start is nothing.
        extends: true,
        test: {
          name: "alone",
          include: [
            ...measuring,
            "{benchmark,cli}/test/**/*.test.ts",
            "cli/templates/*/test/*.test.ts",
            "examples/*/test/**/*.test.ts",
            "test/**/*.test.ts"
          ],
          exclude: modules
        }
      }
    ]
  }
})
