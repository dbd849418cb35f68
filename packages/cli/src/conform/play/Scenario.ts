/**
 * A scenario: a situation that AWS, a network or a neighbour can put an extension into, and the judgement of what the
 * extension does in it.
 */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import type { EntryOf, JournalEntry, JournalEvent, Source } from "@effect-lambda/emulator/Journal"
import type * as Limits from "@effect-lambda/emulator/Limits"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Sink from "./Sink.ts"
import type { SinkVariable } from "./SinkVariable.ts"
import type { Judgement, Status } from "./Judgement.ts"

/**
 * How the behaviour of AWS is known: `seen` on AWS, `documented` by AWS, or only `conceivable`. Only the first two can
 * fail an extension.
 *
 * @category models
 * @since 0.1.0
 */
export type Basis = "seen" | "documented" | "conceivable"

/**
 * The work that an invocation asks of the chatty function, as its payload.
 *
 * @category models
 * @since 0.1.0
 */
export interface Command {
  /** Lines to print, each with a token that the sink knows again. Default: 3. */
  readonly lines?: number
  /** Bytes of each line; shorter lines are filled up. */
  readonly bytes?: number
  /** Milliseconds before it returns. */
  readonly sleepMs?: number
  /** Fills `/tmp`. Only for an environment with a small one. */
  readonly fillTmp?: boolean
  /** Default: it returns. */
  readonly end?: "return" | "throw" | "exit" | "hang"
  /** Lines as JSON objects. */
  readonly json?: boolean
  /** A line with bytes that are no UTF-8. */
  readonly notUtf8?: boolean
  /** A URL that it calls before it returns; the status or the error is printed. */
  readonly call?: string
}

/**
 * The facts that the first run has shown of the target. They tell which scenarios apply.
 *
 * @category models
 * @since 0.1.0
 */
export interface Traits {
  /** The extensions that registered. */
  readonly sources: ReadonlyArray<Source>
  readonly events: ReadonlyArray<"INVOKE" | "SHUTDOWN">
  readonly subscriptions: ReadonlyArray<EntryOf<"TelemetrySubscription">>
  /** The TCP ports that it listens on; none where the system does not tell them. */
  readonly ports: ReadonlyArray<number>
  /** The sink got a request. */
  readonly reachesSink: boolean
  /** The sink got what the function printed. */
  readonly sendsLines: boolean
  /** How often the sink got the line that came most often; some extensions send a line in two forms. */
  readonly copies: number
}

/**
 * The choices of a person for all scenarios.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  /** The length of a long freeze. */
  readonly longFreezeSeconds: number
}

/**
 * The environment of a scenario, over the defaults: a chatty function, 3 invocations, the freeze, an obedient sink.
 *
 * @category models
 * @since 0.1.0
 */
export interface Setup {
  readonly options?: Omit<Emulator.Options, "extensions" | "function" | "environment" | "faults">
  /** Limits without which the scenario is not testable. A limit in `options` is left out where it is not permitted. */
  readonly limits?: Limits.Limits
  /** As on the command line of `emulate`. */
  readonly faults?: ReadonlyArray<string>
  readonly environment?: Readonly<Record<string, string>>
  readonly sink?: Sink.Behaviour
  /** No packet to the backend is answered: the variables of the sink name a port whose connections are never taken. */
  readonly isBlackholed?: boolean
  /** The backend has this name instead of an address. Its look-up is that of `limits`. */
  readonly sinkHost?: string
  /** Further variables that get the URL of the sink. */
  readonly sinkVariables?: ReadonlyArray<SinkVariable>
  /** Extensions beside the target, as files. */
  readonly neighbours?: ReadonlyArray<string>
  /** The work of the function in its init. */
  readonly functionInit?: Pick<Command, "call" | "lines" | "sleepMs">
}

/**
 * The scenario could not be played to its end: its time was over, or the environment was not there any more.
 *
 * @category errors
 * @since 0.1.0
 */
export class PlayError extends Schema.TaggedError<PlayError>("@effect-lambda/cli/PlayError")("PlayError", {
  message: Schema.String
}) {}

/**
 * The time for which the extensions held an invocation after the function was done. A process that had no processor in the
 * meantime may have lost time by that, or it waited for something else anyway.
 *
 * @category models
 * @since 0.1.0
 */
export interface Held {
  /** Without the milliseconds in which an extension, the platform or the sink waited for a processor. */
  readonly leastMs: number
  /** As it was measured. */
  readonly mostMs: number
}

/**
 * A running scenario.
 *
 * @category models
 * @since 0.1.0
 */
export interface Run {
  readonly emulator: Emulator.Emulator["Service"]
  /** The names of the target's extensions: its files. Neighbours are none of them. */
  readonly names: ReadonlyArray<string>
  readonly traits: Traits
  readonly sink: Sink.Sink
  /** Invokes the function, and waits until the invocation is done, extensions included. */
  readonly invoke: (command?: Command) => Effect.Effect<EntryOf<"InvocationDone">, PlayError>
  /** Milliseconds for which the extensions held an invocation of `invoke`. */
  readonly held: (done: EntryOf<"InvocationDone">) => Held
  /** Waits for an entry, past or future, of this kind. The limit is that of the scenario. */
  readonly waitFor: <Tag extends JournalEvent["_tag"]>(
    tag: Tag,
    condition?: (entry: EntryOf<Tag>) => boolean
  ) => Effect.Effect<EntryOf<Tag>, PlayError>
  /** Shuts the environment down in order, and waits until every process is gone. */
  readonly shutdown: Effect.Effect<void, PlayError>
  /** The journal so far. */
  readonly entries: Effect.Effect<ReadonlyArray<JournalEntry>>
}

/**
 * The part of a target that a scenario needs. A target without it makes the scenario `not applicable`, or `not testable`
 * if it is the sink that is not reached.
 *
 * @category models
 * @since 0.1.0
 */
export type Need =
  | "INVOKE"
  | "SHUTDOWN"
  | "telemetry"
  | "function telemetry"
  | "platform telemetry"
  | "telemetry by HTTP"
  | `schema ${string}`
  | "sink"
  | "lines at the sink"

interface Common {
  /** `family/what`, such as `next/lost-poll`. */
  readonly name: string
  /** The situation, as a sentence without the part of the extension. */
  readonly title: string
  /** The behaviour of AWS there. */
  readonly aws: string
  /** The section of the protocol, such as `docs/protocol.md#a-lost-poll`. */
  readonly protocol: string
  /** The change that an extension needs which does not pass. */
  readonly advice: string
  /** The time for the whole scenario. Default: 30 seconds. */
  readonly limit?: Duration.Input
  readonly needs?: ReadonlyArray<Need>
  /** Its verdict does not depend on how busy this machine is. */
  readonly isTimeless?: boolean
  readonly setup?: (settings: Settings, traits: Traits) => Setup
}

/**
 * A scenario. The types keep the rule that the conceivable does not fail an extension.
 *
 * @category models
 * @since 0.1.0
 */
export type Scenario =
  | (Common & {
      readonly basis: "seen" | "documented"
      readonly play: (run: Run) => Effect.Effect<Judgement, PlayError>
    })
  | (Common & {
      readonly basis: "conceivable"
      readonly play: (run: Run) => Effect.Effect<Judgement<Exclude<Status, "fail">>, PlayError>
    })
