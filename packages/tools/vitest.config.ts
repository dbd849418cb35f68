/** The tests that `npm test` runs: those of the packages, of the examples and of the templates. */
import { dirname, join } from "node:path"
import process from "node:process"
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

// Workers, and the programs that tests start from here, load again and again what one of them has compiled.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, "../../node_modules/.cache/compile")

/** Files of the other packages that leave variables, folder and signals of their process as they were. */
const harmless = [
  "benchmark/test/{checkout,compare,first-flush,processes,profile,quota}.test.ts",
  "cli/templates/*/test/*.test.ts",
  "cli/test/{Bundle,CloudWatchLines,EagerLife,EagerStart,EnvFlag,Findings,FunctionVariables}.test.ts",
  "cli/test/{HostileLayers,LayerConfig,LayerFiles,LayerMerge,LlrtBundle,LlrtBinary,OpenConnection,Shortfalls,Stub}.test.ts",
  "cli/test/{StubEager,StubServer,Summary,TrialRun,TypeCheck,ZipReader,build,check}.test.ts",
  "cli/test/{Junit,ProjectFiles,new,reportColours,reportPage}.test.ts",
  "cli/test/field/Field.test.ts",
  "cli/test/conform/{Backend,Document,House,Kept,Observe,Play,Progress,Scenarios,SinkVariable,Starvation,Twins}.test.ts",
  "examples/{hello,otel}/test/*.test.ts",
  "examples/telemetry-ship/test/{held,snapstart,telemetry-ship}.test.ts",
  "test/{Architecture,Boundaries,Circles,English,LlrtPackage,Operations,Options,Policy,Protocol,PublicDocs}.test.ts",
  "test/TypeErrors.test.ts"
]

/** Each of these files leaves its process as it was. */
const together = ["{extension,extension-node,emulator,otel,verify}/test/**/*.test.ts", ...harmless]

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

/** They wait longest. The last of them would run alone at the end, since a fresh clone knows no durations. */
const long =
  /\/(Packages|NodeExtension|Conformance|telemetry-ship|Rie|build|Faults|StubServer|Twins|House|conform)\.test\.ts$/

/** Starts the long files of a project first. */
class LongFirst extends BaseSequencer {
  override async sort(files: ReadonlyArray<TestSpecification>): Promise<Array<TestSpecification>> {
    const sorted = await super.sort([...files])
    const rank = ({ moduleId, project }: TestSpecification) =>
      (project.name === "alone" ? 0 : 2) + (long.test(moduleId) ? 0 : 1)
    return sorted.toSorted((a, b) => rank(a) - rank(b))
  }
}

export default defineConfig({
  root: dirname(import.meta.dirname),
  test: {
    globalSetup: join(import.meta.dirname, "programs.ts"),
    // Most tests wait for a process or a limit of time: only four workers keep two cores busy.
    maxWorkers: 4,
    sequence: { sequencer: LongFirst },
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
        // These change the variables of their process or replace its functions, or take so long that a start is nothing.
        extends: true,
        test: {
          name: "alone",
          include: [
            ...measuring,
            "{benchmark,cli}/test/**/*.test.ts",
            "examples/*/test/**/*.test.ts",
            "test/**/*.test.ts"
          ],
          exclude: harmless
        }
      }
    ]
  }
})
