/**
 * The one error of this package: what was asked (`method`), and a tagged reason that says what happened, with which
 * input, and what to do about it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A file to run does not exist.
 *
 * @category reasons
 * @since 0.1.0
 */
export class FileMissing extends Schema.TaggedError<FileMissing>("@effect-lambda/emulator/EmulatorError/FileMissing")(
  "FileMissing",
  { path: Schema.String }
) {
  override get message(): string {
    return `No file at ${this.path}. Build it first, or correct the path.`
  }
}

/**
 * Two extension files have the same base name; the base name is the identity of an extension.
 *
 * @category reasons
 * @since 0.1.0
 */
export class DuplicateExtension extends Schema.TaggedError<DuplicateExtension>(
  "@effect-lambda/emulator/EmulatorError/DuplicateExtension"
)("DuplicateExtension", { name: Schema.String }) {
  override get message(): string {
    return `Two extensions are named ${this.name}. The base name of the file is the name of an extension; rename one.`
  }
}

const whyNot = (cause: unknown): string => {
  if (!(cause instanceof Error)) return ""
  const code = "code" in cause ? cause.code : undefined
  if (code === "EADDRINUSE") return ": the port is in use"
  return code === "EACCES" ? ": the system does not permit this port" : `: ${cause.message}`
}

/**
 * The HTTP server could not listen.
 *
 * @category reasons
 * @since 0.1.0
 */
export class PortUnavailable extends Schema.TaggedError<PortUnavailable>(
  "@effect-lambda/emulator/EmulatorError/PortUnavailable"
)("PortUnavailable", { host: Schema.String, port: Schema.Finite, cause: Schema.Defect() }) {
  override get message(): string {
    return `Cannot listen on ${this.host}:${this.port}${whyNot(this.cause)}. Choose another port, or 0 for any free port.`
  }
}

/**
 * The options ask for a listener that other machines can reach, and that would run the function for each of them.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotLoopback extends Schema.TaggedError<NotLoopback>("@effect-lambda/emulator/EmulatorError/NotLoopback")(
  "NotLoopback",
  { host: Schema.String }
) {
  override get message(): string {
    return `${this.host} is not a loopback address. Listen on 127.0.0.1, ::1 or localhost.`
  }
}

/**
 * The function cannot be run as it was given.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidFunction extends Schema.TaggedError<InvalidFunction>(
  "@effect-lambda/emulator/EmulatorError/InvalidFunction"
)("InvalidFunction", { explanation: Schema.String }) {
  override get message(): string {
    return this.explanation
  }
}

/**
 * An option has a value that cannot have its effect. `option` names the option, `explanation` says why, and what to do.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidOption extends Schema.TaggedError<InvalidOption>(
  "@effect-lambda/emulator/EmulatorError/InvalidOption"
)("InvalidOption", { option: Schema.String, explanation: Schema.String }) {
  override get message(): string {
    return `${this.option} ${this.explanation}`
  }
}

/**
 * A variable cannot be set. `problem` says why; `option` is the option with the effect that was wanted, if there is
 * one.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidVariable extends Schema.TaggedError<InvalidVariable>(
  "@effect-lambda/emulator/EmulatorError/InvalidVariable"
)("InvalidVariable", { name: Schema.String, problem: Schema.String, option: Schema.UndefinedOr(Schema.String) }) {
  override get message(): string {
    const remedy = this.option === undefined ? "" : ` Use the option ${this.option}.`
    return `The variable ${JSON.stringify(this.name)} ${this.problem}.${remedy}`
  }
}

/**
 * This machine does not permit a private mount namespace, which `root` needs; `said` is the system's answer.
 *
 * @category reasons
 * @since 0.1.0
 */
export class RootUnavailable extends Schema.TaggedError<RootUnavailable>(
  "@effect-lambda/emulator/EmulatorError/RootUnavailable"
)("RootUnavailable", { said: Schema.String }) {
  override get message(): string {
    return `A directory cannot be shown as /opt here: a private mount namespace is not permitted (${this.said}). Run as root with CAP_SYS_ADMIN, or leave root out and use paths beside the extension.`
  }
}

/**
 * This text is no fault; `advice` says what would be one.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidFault extends Schema.TaggedError<InvalidFault>(
  "@effect-lambda/emulator/EmulatorError/InvalidFault"
)("InvalidFault", { text: Schema.String, advice: Schema.String }) {
  override get message(): string {
    return `${JSON.stringify(this.text)} is not a fault: ${this.advice}.`
  }
}

/**
 * The environment has been shut down; it runs nothing any more.
 *
 * @category reasons
 * @since 0.1.0
 */
export class AlreadyShutDown extends Schema.TaggedError<AlreadyShutDown>(
  "@effect-lambda/emulator/EmulatorError/AlreadyShutDown"
)("AlreadyShutDown", {}) {
  override get message(): string {
    return "The environment has been shut down. Build the layer again for a new one."
  }
}

/**
 * The environment was shut down before the invocation had a result.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvocationAbandoned extends Schema.TaggedError<InvocationAbandoned>(
  "@effect-lambda/emulator/EmulatorError/InvocationAbandoned"
)("InvocationAbandoned", { requestId: Schema.String }) {
  override get message(): string {
    return `The environment was shut down before invocation ${this.requestId} had a result.`
  }
}

/**
 * The environment did not take the invocation. Profile `rie` runs one invocation at a time, profile `lmi` only those
 * that a worker of the runtime polls for (docs/protocol.md#invoking-rie,
 * docs/protocol.md#the-runtime-on-managed-instances). The invoke endpoint of AWS's emulator answers status 400, with
 * `errorType` in the header `Error-Type` unless it is empty.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvocationRefused extends Schema.TaggedError<InvocationRefused>(
  "@effect-lambda/emulator/EmulatorError/InvocationRefused"
)("InvocationRefused", { requestId: Schema.String, errorType: Schema.String }) {
  override get message(): string {
    const { errorType, requestId } = this
    if (errorType === "")
      return `Invocation ${requestId} was refused because another invocation runs. Wait for its result.`
    const advice =
      errorType === "Runtime.Unavailable" ? "Wait until a worker of the runtime calls next." : "Use another request id."
    return `Invocation ${requestId} was refused: ${errorType}. ${advice}`
  }
}

/**
 * The payload of an invocation is too large for Lambda (docs/protocol.md#runtime-next). Sizes are in bytes.
 *
 * @category reasons
 * @since 0.1.0
 */
export class PayloadTooLarge extends Schema.TaggedError<PayloadTooLarge>(
  "@effect-lambda/emulator/EmulatorError/PayloadTooLarge"
)("PayloadTooLarge", { bytes: Schema.Finite, limit: Schema.Finite }) {
  override get message(): string {
    return `The payload has ${this.bytes} bytes; Lambda accepts ${this.limit}. Pass large data by reference.`
  }
}

/**
 * No manual process of this name runs: the name is another process's, or the manual process has ended.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotAManualProcess extends Schema.TaggedError<NotAManualProcess>(
  "@effect-lambda/emulator/EmulatorError/NotAManualProcess"
)("NotAManualProcess", { source: Schema.String }) {
  override get message(): string {
    return `${this.source} is not a manual process that runs. Only an extension given by name, or a missing function, can be driven by hand.`
  }
}

/**
 * The system gives no pipes for the output of the processes.
 *
 * @category reasons
 * @since 0.1.0
 */
export class PipesUnavailable extends Schema.TaggedError<PipesUnavailable>(
  "@effect-lambda/emulator/EmulatorError/PipesUnavailable"
)("PipesUnavailable", { cause: Schema.Defect() }) {
  override get message(): string {
    const said = this.cause instanceof Error ? (this.cause.message.trim().split("\n").at(-1) ?? "") : String(this.cause)
    return `The output of the processes needs pipes, and mkfifo made none (${said}). Put mkfifo into PATH, and let TMPDIR name a folder that you may write to.`
  }
}

/**
 * The journal did not get the entry that was waited for. Its last entries tell what happened instead.
 *
 * @category reasons
 * @since 0.1.0
 */
export class WaitTimedOut extends Schema.TaggedError<WaitTimedOut>(
  "@effect-lambda/emulator/EmulatorError/WaitTimedOut"
)("WaitTimedOut", { lastEntries: Schema.Array(Schema.String) }) {
  override get message(): string {
    const entries = this.lastEntries.length === 0 ? "  (none)" : this.lastEntries.join("\n")
    return `The journal did not get the entry that was waited for. Its last entries:\n${entries}`
  }
}

/**
 * All reasons of an `EmulatorError`.
 *
 * @category reasons
 * @since 0.1.0
 */
export const EmulatorErrorReason = Schema.Union([
  FileMissing,
  DuplicateExtension,
  PortUnavailable,
  NotLoopback,
  InvalidFunction,
  InvalidOption,
  InvalidVariable,
  RootUnavailable,
  PipesUnavailable,
  InvalidFault,
  AlreadyShutDown,
  InvocationAbandoned,
  InvocationRefused,
  PayloadTooLarge,
  NotAManualProcess,
  WaitTimedOut
])

/**
 * All reasons of an `EmulatorError`.
 *
 * @category reasons
 * @since 0.1.0
 */
export type EmulatorErrorReason = typeof EmulatorErrorReason.Type

/**
 * Says why the emulator could not do what was asked. A failure of the *function* is not an error but the result of the
 * invocation, as on Lambda.
 *
 * @category errors
 * @since 0.1.0
 */
export class EmulatorError extends Schema.TaggedError<EmulatorError>("@effect-lambda/emulator/EmulatorError")(
  "EmulatorError",
  { method: Schema.String, reason: EmulatorErrorReason }
) {
  override get message(): string {
    return `${this.method}: ${this.reason.message}`
  }
}
