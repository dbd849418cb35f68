/** The environments that a run makes, and what happens in each. */

/** The layers that a run publishes: those of this repository, one of them with a Node in it, and the recorder. */
export type LayerName = "hello" | "hello-node" | "telemetry-ship" | "otel" | "recorder"

/** The task of the function in an invocation. */
export type Step = "answer" | "throw" | "exit" | "hang" | "hold" | "probe" | "crash-extension"

export interface Scenario {
  readonly name: "tracing-off" | "tracing-on" | "probes" | "provisioned" | "snapstart" | "managed"
  /** The purpose, which a run prints. */
  readonly shows: string
  readonly kind: "on-demand" | "provisioned" | "snapstart" | "managed"
  readonly tracing: "PassThrough" | "Active"
  readonly runtime: "nodejs24.x" | "python3.13"
  readonly layers: ReadonlyArray<LayerName>
  readonly variables: Readonly<Record<string, string>>
  readonly steps: ReadonlyArray<Step>
}

const ours: ReadonlyArray<LayerName> = ["hello", "telemetry-ship", "otel"]

/** The recorder is the backend of the layers: nothing leaves the environment. */
const backend = { TELEMETRY_URL: "http://127.0.0.1:4319/ship", EFFECT_LAMBDA_OTLP_ENDPOINT: "http://127.0.0.1:4319" }

const onDemand = {
  kind: "on-demand",
  tracing: "PassThrough",
  runtime: "nodejs24.x",
  layers: ["recorder", ...ours],
  variables: backend
} as const

export const scenarios: ReadonlyArray<Scenario> = [
  {
    ...onDemand,
    name: "tracing-off",
    shows: "on demand, without active tracing: answers, errors, crashes, a timeout, an overrun, SHUTDOWN",
    steps: [
      "answer",
      "answer",
      "throw",
      "exit",
      "answer",
      "hang",
      "answer",
      "crash-extension",
      "answer",
      "hold",
      "answer"
    ]
  },
  {
    ...onDemand,
    name: "tracing-on",
    shows: "on demand, with active tracing of X-Ray",
    tracing: "Active",
    steps: ["answer", "answer", "throw"]
  },
  {
    ...onDemand,
    name: "probes",
    shows: "requests that Lambda refuses: register, the identifier, next, error reports, subscriptions",
    layers: ["recorder"],
    variables: { VERIFY_PROBES: "1" },
    steps: ["probe", "answer"]
  },
  {
    ...onDemand,
    name: "provisioned",
    shows: "provisioned concurrency: its init, and SHUTDOWN when it ends",
    kind: "provisioned",
    steps: ["answer", "answer"]
  },
  {
    ...onDemand,
    name: "snapstart",
    shows: "SnapStart, beside a function in Python: the restore, credentials",
    kind: "snapstart",
    runtime: "python3.13",
    // The recorder runs on the Node of this layer.
    layers: ["recorder", "hello-node"],
    variables: {},
    steps: ["answer", "answer"]
  },
  {
    ...onDemand,
    name: "managed",
    shows: "managed instances: registration and telemetry; needs --subnets and --security-groups",
    kind: "managed",
    steps: ["answer", "answer", "answer"]
  }
]
