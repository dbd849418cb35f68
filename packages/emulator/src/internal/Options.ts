/** What a user says about an environment and an invocation, and what an invocation gives back. */
import type * as Duration from "effect/Duration"
import type { Fault } from "../Fault.ts"
import type { InvokeListen } from "../InvokeApiServer.ts"
import type { Profile } from "../Profile.ts"
import type { ExtensionsOptions } from "./ExtensionFiles.ts"
import type { FunctionOptions } from "./FunctionProcess.ts"

/**
 * How an environment is initialised, as `AWS_LAMBDA_INITIALIZATION_TYPE` and telemetry name it: for an invocation that
 * waits (`on-demand`), beforehand and kept ready (`provisioned-concurrency`), or once for a snapshot (`snap-start`).
 *
 * @category models
 * @since 0.1.0
 */
export type InitType = "on-demand" | "provisioned-concurrency" | "snap-start"

/**
 * What the environment is made of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Whose behaviour is imitated, default `real`: AWS Lambda itself. */
  readonly profile?: Profile
  /** The external extensions. The base name of a file is the name of its extension. Default: none. */
  readonly extensions?: ExtensionsOptions
  /** The function. Without one its side is a slot: something else drives the Runtime API over HTTP. */
  readonly function?: FunctionOptions
  /** Default `function`. */
  readonly functionName?: string
  /** Default `$LATEST`. */
  readonly functionVersion?: string
  /** Default: file and export of a handler file, otherwise `index.handler`. */
  readonly handler?: string
  /** In MB, default 128. Told to the processes, not enforced. */
  readonly memorySize?: number
  /** What `AWS_REGION` and `AWS_DEFAULT_REGION` say, and the ARN of the function. Default: those of `environment`, or `us-east-1`. */
  readonly region?: string
  /** Default `123456789012`. */
  readonly accountId?: string
  /** The function timeout, default 3 seconds (real) or 300 seconds (rie, lmi). It covers extensions too, and init when it runs inside an invocation. */
  readonly timeout?: Duration.Input
  /**
   * How the environment is initialised, default `on-demand`. Only `real` knows several ways: AWS's emulator (rie) and
   * managed instances (lmi) have one each, and refuse another with the reason `InvalidOption`.
   */
  readonly initType?: InitType
  /**
   * The limit of the init phase, default 10 seconds (real), or the function timeout but at least 130 seconds (real with
   * another `initType` than `on-demand`), or the function timeout (lmi); rie has none.
   */
  readonly initTimeout?: Duration.Input
  /**
   * Are the processes stopped between invocations, as on Lambda? `after` is how long everybody has to wait in next before
   * that; default (also with `true`): no time at all. Lambda promises none either, and so every pause between two
   * invocations has its freeze, however short it is. Default: `false`. A managed instance (lmi) is never frozen.
   */
  readonly freeze?: boolean | { readonly after?: Duration.Input }
  /** What goes wrong, and when. Default: nothing. */
  readonly faults?: ReadonlyArray<Fault>
  /** Decides where faults with a probability hit. The same seed: the same choice. Default: 1. */
  readonly seed?: number
  /**
   * Variables for the function and the extensions, as set by the customer on Lambda. `AWS_REGION` and `AWS_DEFAULT_REGION`
   * count as `region`, `AWS_ACCESS_KEY_ID` and its siblings as `credentials`. Other names that Lambda reserves are refused
   * with the reason `InvalidVariable`, and so are names that no process can have.
   */
  readonly environment?: Readonly<Record<string, string>>
  /**
   * What the processes find in `AWS_ACCESS_KEY_ID` and its siblings. Default: values that open nothing. Long-term keys have
   * no session token: without one there is no `AWS_SESSION_TOKEN`.
   */
  readonly credentials?: {
    readonly accessKeyId: string
    readonly secretAccessKey: string
    readonly sessionToken?: string
  }
  /**
   * What a line of JSON that a process prints is for telemetry subscribers: `text` (default) or, from schema version
   * 2022-12-13 on, with `json` an object, as on Lambda with the log format JSON.
   */
  readonly logFormat?: "text" | "json"
  /** How many entries the journal keeps, default 100,000. */
  readonly journalSize?: number
  /** Port of the Runtime API on 127.0.0.1, default 0: any free one. */
  readonly port?: number
  /** Where the Invoke API listens, for the AWS SDK and other HTTP clients. Default: nowhere. */
  readonly invokeListen?: InvokeListen
}

/**
 * What goes with an invocation besides its payload. An empty string means: without.
 *
 * @category models
 * @since 0.1.0
 */
export interface InvokeOptions {
  readonly requestId?: string
  /** Default: a new one that is not sampled, as Lambda makes it; none under `rie`. */
  readonly traceHeader?: string
  readonly clientContext?: string
  readonly cognitoIdentity?: string
  readonly tenantId?: string
  /** Default `application/json`. */
  readonly contentType?: string
  /** Version or alias, appended to the ARN. */
  readonly qualifier?: string
}

/**
 * The result of an invocation.
 *
 * @category models
 * @since 0.1.0
 */
export interface InvokeResult {
  readonly requestId: string
  /** What the function answered, or the error document when `functionError` is set. */
  readonly payload: string
  /** The error type, for example `Function.MyError`, `Extension.Crash`, `Sandbox.Timedout`. */
  readonly functionError: string | undefined
  /** The runtime answered, with a result or an error; `false`: the environment did (crash, failed init, timeout). */
  readonly respondedByRuntime: boolean
}
