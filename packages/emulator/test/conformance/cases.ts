/**
 * Every conformance case, and the tests that show it. The tests run what this table says they show, and
 * `docs/conformance.md` is written from it: `node packages/emulator/test/conformance/write.ts`.
 *
 * This file imports nothing but types, so that the script needs no test runner.
 */
import type { ProfileName } from "@effect-lambda/emulator/Profile"

export interface ConformanceCase {
  readonly number: number
  readonly text: string
  /** Empty: a case of clients, not of the environment. */
  readonly profiles: ReadonlyArray<ProfileName>
  /** Test files under `packages`, or why there is none. */
  readonly shown: ReadonlyArray<string>
}

export const conformanceTest = "emulator/test/Conformance.test.ts"

const contract = "extension-node/test/wire/contractCases.ts"
const policy = "extension/test/Policy.test.ts"
const schemas = "extension/test/Schemas.test.ts"
const bodies = "extension/test/telemetry/Deliveries.test.ts"
const records = "extension/test/telemetry/TelemetryEvent.test.ts"
const subscribing = "extension/test/telemetry/TelemetryApi.test.ts"
const listener = "extension-node/test/wire/listenerCases.ts"
const ship = "examples/telemetry-ship/test/telemetry-ship.test.ts"

const all = ["real", "rie", "lmi"] as const
const onDemand = ["real", "rie"] as const

const shown = (
  number: number,
  profiles: ReadonlyArray<ProfileName>,
  text: string,
  ...others: ReadonlyArray<string>
): ConformanceCase => ({ number, text, profiles, shown: [conformanceTest, ...others] })

const client = (number: number, text: string, ...files: ReadonlyArray<string>): ConformanceCase => ({
  number,
  text,
  profiles: [],
  shown: files
})

/** Cases of pure parts of the emulator, in a separate test file. */
const pure = (number: number, profiles: ReadonlyArray<ProfileName>, text: string): ConformanceCase => ({
  number,
  text,
  profiles,
  shown: ["emulator/test/TelemetryProjection.test.ts"]
})

export const cases: ReadonlyArray<ConformanceCase> = [
  shown(1, all, "an external extension registers for events", contract),
  shown(2, all, "an empty object registers for nothing", contract),
  shown(3, all, "no name is refused and leaves room for a correct register"),
  shown(4, all, "an empty register body is not JSON"),
  shown(5, all, "a register body that is not JSON, or that has another type"),
  shown(6, all, "configurationKeys are refused"),
  shown(7, all, "empty configurationKeys are accepted"),
  shown(8, onDemand, "event names are case-sensitive"),
  shown(9, onDemand, "an unknown event refuses all events; the extension may try again"),
  shown(10, onDemand, "an internal extension cannot have SHUTDOWN"),
  shown(11, all, "an external extension registers once; its identifier stays valid"),
  shown(12, all, "an internal name registers once"),
  shown(13, all, "registration closes at the runtime's first next"),
  shown(14, onDemand, "after closing, a wrong event is still named first"),
  shown(15, all, "ten extensions, not eleven"),
  shown(16, ["real", "lmi"], "accountId comes first when it is asked for", contract),
  shown(17, all, "features are trimmed and case-sensitive, unknown features are ignored"),
  shown(18, ["rie"], "accountId is left out although it is asked for"),
  client(19, "the client warns when its name is not that of its file", policy),
  shown(20, ["lmi"], "no INVOKE, and no events at all for internal extensions"),
  shown(21, all, "register: wrong method, trailing slash"),
  shown(22, all, "unknown path"),
  shown(23, ["lmi"], "a register body over 1 MiB"),
  shown(24, all, "the file that switches extensions off", contract),
  shown(25, all, "next without identifier"),
  shown(26, all, "next with an identifier that is no UUID"),
  shown(27, all, "next with an unknown identifier"),
  shown(28, onDemand, "INVOKE with a trace header, byte for byte", contract),
  shown(29, onDemand, "INVOKE without a trace header has no tracing"),
  shown(30, onDemand, "two extensions: one request, two event identifiers"),
  shown(31, all, "SHUTDOWN is text/plain without an event identifier", contract),
  client(32, "shutdownReason is decoded in upper and lower case, unknown reasons are kept", schemas),
  shown(33, all, "a second poll is refused, the first poll stays"),
  shown(34, all, "exit/error during a poll ends the poll when it is released, not earlier"),
  shown(35, all, "next after init/error"),
  shown(36, all, "POST on next"),
  shown(37, all, "init/error of a registered extension", contract),
  shown(38, all, "init/error takes any body or none"),
  shown(39, all, "an error report without error type"),
  shown(40, all, "an error report with an unknown identifier"),
  shown(41, all, "init/error twice keeps the first type"),
  shown(42, all, "init/error of a running extension"),
  shown(43, all, "exit/error from Registered, Ready and Running, not after init/error"),
  shown(44, all, "after init/error the environment goes on until the process ends"),
  shown(45, ["real"], "the invoker sees the fixed error type and the exit code"),
  shown(46, ["lmi"], "an error type of the right form becomes the fatal one"),
  shown(47, all, "the runtime is started when every external has registered"),
  shown(48, all, "no invocation before every extension has called next"),
  shown(49, all, "an extension without events must call next too"),
  shown(50, all, "the files of the directory that count, and their order"),
  shown(51, all, "no directory, no extensions"),
  shown(52, all, "the eleventh file fails init, and the invocation with it"),
  shown(53, all, "exit 0 before register fails init, and the invocation with it"),
  // A managed instance has no next generation.
  shown(54, onDemand, "the next generation has new identifiers, old identifiers are unknown"),
  shown(55, ["real"], "a failed init runs again inside the invocation"),
  {
    number: 56,
    text: "an extension lacks the ten hidden variables",
    profiles: ["real"],
    shown: ["emulator/test/LifecycleInit.test.ts"]
  },
  shown(57, onDemand, "an extension without INVOKE neither sees nor delays invocations"),
  shown(58, ["real"], "the caller has its answer before the extension is done"),
  shown(59, ["rie"], "the caller waits for the extension"),
  shown(60, ["real"], "an extension that never comes back costs the environment, not the answer"),
  shown(61, all, "an extension crashes while the function runs"),
  shown(62, ["real"], "an extension crashes after the answer"),
  shown(63, ["rie"], "the runtime exits 0 during an invocation"),
  shown(64, ["rie"], "a second invocation at the same time is refused, the first invocation goes on"),
  shown(65, all, "no extension: the runtime gets SIGKILL, no SIGTERM"),
  shown(66, all, "only an internal extension: the runtime gets SIGTERM, the extension no event"),
  shown(67, all, "SIGTERM is ignored: SIGKILL comes after 600 ms, and only then SHUTDOWN"),
  shown(68, all, "Exited within the deadline, ShutdownFailed and SIGKILL after 2000 ms"),
  shown(69, all, "not subscribed to SHUTDOWN: SIGKILL at once"),
  shown(70, all, "busy when shutdown starts: SHUTDOWN at the next poll"),
  shown(71, onDemand, "the reasons of SHUTDOWN"),
  client(72, "finalizers within the deadline, no further next", "extension/test/PolicyEnds.test.ts"),
  shown(73, ["real", "lmi"], "a valid subscription", subscribing, contract),
  shown(74, ["rie"], "the telemetry stub answers 202 NotSupported", subscribing, contract),
  shown(75, ["real"], "subscription with an unknown identifier"),
  shown(76, ["real"], "subscription after init"),
  shown(77, ["real"], "the same subscription twice"),
  shown(78, ["real"], "a second subscription is added"),
  shown(79, ["real"], "Logs and Telemetry API exclude each other"),
  shown(80, ["real"], "unknown schemaVersion"),
  shown(81, ["real"], "schemaVersion missing or of the Logs API"),
  shown(82, ["real"], "limits of buffering"),
  shown(83, ["real"], "unknown types"),
  shown(84, ["real"], "hosts and schemes of a destination"),
  shown(85, ["real"], "destination method"),
  shown(86, ["real"], "unknown top-level key"),
  shown(87, ["lmi"], "a subscription against the schema"),
  shown(88, ["lmi"], "TCP to a closed port"),
  shown(89, ["lmi"], "subscribe twice, subscribe after init"),
  shown(90, all, "telemetry: wrong method, trailing slash"),
  shown(91, ["real"], "a subscription outlives a reset", ship),
  shown(92, ["real"], "the first batch holds the history", ship),
  client(93, "receiver: lower-case headers, unknown event types", listener, records),
  client(94, "receiver: a body that is not JSON", listener, bodies),
  shown(95, ["real"], "lines keep their newline, partial lines are held"),
  shown(96, ["lmi"], "lines lose their newline"),
  shown(97, ["real", "lmi"], "a full batch is sent", "emulator/test/TelemetryBatcher.test.ts"),
  shown(98, ["real"], "a batch is sent after timeoutMs"),
  client(99, "receiver: a split record is joined", bodies),
  client(100, "receiver: a fragment alone is broken after a second", bodies),
  client(101, "receiver: TCP objects across chunks", bodies, "extension-node/test/wire/tcpCases.ts"),
  shown(102, ["real"], "platform.report waits for the thaw"),
  shown(103, ["real"], "order of events after a timeout", ship),
  shown(104, ["lmi"], "logsDropped after an error of the receiver"),
  pure(105, ["real", "lmi"], "an event in three schema versions"),
  pure(106, ["real"], "initRuntimeDone with an empty error type"),
  pure(107, ["real"], "platform.extension without events"),
  pure(108, ["real"], "report with and without init duration"),
  pure(109, ["real"], "runtimeDone: which keys are left out"),
  client(110, "receiver: function records as text and as object", records),
  shown(111, ["rie"], "the logs stub answers 202 NotSupported"),
  shown(112, ["real"], "the two schema versions of the Logs API"),
  shown(113, ["real"], "a telemetry version at the Logs API"),
  shown(114, ["lmi"], "there is no Logs API"),
  shown(115, all, "ping"),
  shown(116, onDemand, "a wrong request id"),
  shown(117, onDemand, "an invocation has one answer"),
  shown(118, onDemand, "another next before the answer gives the same invocation"),
  shown(119, onDemand, "init/error of the runtime before its first next only"),
  shown(120, onDemand, "no restore without SnapStart"),
  shown(121, onDemand, "a response one byte too large, as runtime and caller see it"),
  shown(122, onDemand, "response modes"),
  shown(123, onDemand, "wrong methods at the Runtime API"),
  shown(124, onDemand, "error types of the function are filtered"),
  shown(125, onDemand, "the tenant is told to the runtime, not to extensions")
]

/** The document as it must be; `docs/conformance.md` holds it. */
export const render = (): string => {
  const rows = cases.map(({ number, profiles, shown, text }) => {
    const files = shown.map((file) => `\`${file}\``).join(", ")
    return `| ${number} | ${text} | ${profiles.length === 0 ? "client" : profiles.join(", ")} | ${files} |`
  })
  return `# Conformance

This table lists what the emulator and the clients of this repository are proven to do, case by case. The script
\`node packages/emulator/test/conformance/write.ts\` writes it from \`packages/emulator/test/conformance/cases.ts\`; do not
edit it by hand. Files are relative to \`packages\`.

The emulator's cases run over a raw socket, once for each profile that they name. They compare the status line of an
answer, its header lines in any order and without \`Date\`, and its body, byte for byte. The expected bytes are those of
[the protocol](protocol.md): for \`rie\` and \`lmi\` the answers of AWS's own emulators, for \`real\` answers captured from
Lambda. If an answer holds identifiers or times, their form is compared. The order of starts, ends and deliveries has no
bytes, and is compared with the journal. In addition, \`emulator/test/Rie.test.ts\` plays recordings of AWS's emulator,
whose own answers are the expected ones.

${cases.length} cases, all of them shown.

| Case | Behaviour | Profile | Shown by |
| ---: | --- | --- | --- |
${rows.join("\n")}
`
}
