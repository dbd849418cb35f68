/** The options of an environment and of an invocation, and the result of an invocation. */
import type * as Duration from "effect/Duration"
import type { Fault } from "../FaultKinds.ts"
import type { ProfileName } from "../../Profile.ts"
import type { ExtensionsOptions } from "../sandbox/ExtensionFiles.ts"
import type { FunctionOptions } from "../sandbox/FunctionProcess.ts"
import type { Limits } from "../sandbox/Limits.ts"

/**
 * The kind of init, as `AWS_LAMBDA_INITIALIZATION_TYPE` and telemetry name it. An environment is initialised for an
 * invocation that waits (`on-demand`), beforehand and kept ready (`provisioned-concurrency`), or once for a snapshot
 * (`snap-start`).
 *
 * @category models
 * @since 0.1.0
 */
export type InitType = "on-demand" | "provisioned-concurrency" | "snap-start"

/**
 * The tracing of the function, as its configuration on Lambda names it.
 *
 * - `PassThrough`: X-Ray is off. A trace header passes through as it came. Lambda makes one that is not sampled for an
 *   invocation without a header.
 * - `Active`: X-Ray is on. Lambda samples and sends segments, and the trace header names the segment of the function.
 *
 * @category models
 * @since 0.1.0
 */
export type TracingMode = "PassThrough" | "Active"

/**
 * The address to listen on. Only loopback is permitted: every client that reaches the listener can run the function.
 *
 * @category models
 * @since 0.1.0
 */
export interface InvokeListen {
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** 0 for any free port. */
  readonly port: number
}

/**
 * The options of an environment.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The platform whose behaviour is imitated, default `real`: AWS Lambda itself. */
  readonly profile?: ProfileName
  /** The external extensions. The base name of a file is the name of its extension. Default: none. */
  readonly extensions?: ExtensionsOptions
  /** The function. If there is none, its side is a manual process: your code drives the Runtime API over HTTP. */
  readonly function?: FunctionOptions
  /** Default `function`. */
  readonly functionName?: string
  /** Default `$LATEST`. */
  readonly functionVersion?: string
  /** Default: file and export of a handler file, otherwise `index.handler`. */
  readonly handler?: string
  /** In MB, default 128. Told to the processes, not enforced: `limits` has a memory limit. */
  readonly memorySize?: number
  /**
   * The region in `AWS_REGION`, in `AWS_DEFAULT_REGION` and in the ARN of the function. Default: that of `environment`,
   * or `us-east-1`.
   */
  readonly region?: string
  /** Default `123456789012`. */
  readonly accountId?: string
  /**
   * The function timeout, default 3 seconds (real) or 300 seconds (rie, lmi). The timeout covers extensions too, and
   * init when it runs inside an invocation.
   */
  readonly timeout?: Duration.Input
  /**
   * The kind of init, default `on-demand`. Only `real` knows several kinds. AWS's emulator (rie) and managed instances
   * (lmi) have one each, and refuse another with the reason `InvalidOption`.
   */
  readonly initType?: InitType
  /**
   * The tracing of the function, default `PassThrough`. With `Active` every invocation is sampled, unless its trace header
   * says `Sampled=0`. AWS's emulator (rie) does no tracing, and refuses `Active` with the reason `InvalidOption`.
   */
  readonly tracing?: TracingMode
  /**
   * The limit of the init phase. Default: 10 seconds (real); the function timeout, but at least 130 seconds (real with
   * another `initType` than `on-demand`); the function timeout (lmi); no limit (rie).
   */
  readonly initTimeout?: Duration.Input
  /**
   * Stops the processes between invocations, as Lambda does. `after` is the time for which the runtime and every
   * extension have to wait in next before that; its default, also with `true`, is no time at all. Lambda promises none
   * either, and so every pause between two invocations has its freeze, however short it is. Default: `false`. A managed
   * instance (lmi) is never frozen.
   */
  readonly freeze?: boolean | { readonly after?: Duration.Input }
  /**
   * Limits of a sandbox: memory, descriptors, the size of `/tmp`, a DNS that fails. Default: none. A sentence in
   * `emulator.notes` names each limit that the machine does not permit; `Limits.permitted` tells it before.
   */
  readonly limits?: Limits
  /** The faults that happen, and when. Default: none. */
  readonly faults?: ReadonlyArray<Fault>
  /** Decides which occurrences a fault with a probability hits. The same seed makes the same choice. Default: 1. */
  readonly seed?: number
  /**
   * Variables for the function and the extensions, as set by the customer on Lambda. `AWS_REGION` and
   * `AWS_DEFAULT_REGION` count as `region`, `AWS_ACCESS_KEY_ID` and its siblings as `credentials`. Other names that
   * Lambda reserves are refused with the reason `InvalidVariable`, and so are names that no process can have.
   */
  readonly environment?: Readonly<Record<string, string>>
  /**
   * The credentials in `AWS_ACCESS_KEY_ID` and its siblings. Default: values that open nothing. Long-term keys have no
   * session token; without a token there is no `AWS_SESSION_TOKEN`.
   */
  readonly credentials?: {
    readonly accessKeyId: string
    readonly secretAccessKey: string
    readonly sessionToken?: string
  }
  /**
   * The form in which telemetry subscribers get a line of JSON that a process prints. With `text` (default) it is text.
   * With `json` it is an object from schema version 2022-12-13 on, as on Lambda with the log format JSON.
   */
  readonly logFormat?: "text" | "json"
  /**
   * The address of the sandbox, to which telemetry is delivered and the names of the sandbox lead. Default `127.0.0.1`.
   * Another address of loopback, such as `127.0.0.6`, is as strange to a listener that is bound to 127.0.0.1 alone as
   * that of Lambda's sandbox. Managed instances (lmi) deliver to 127.0.0.1, and refuse another with the reason
   * `InvalidOption`. Linux answers on all of `127.0.0.0/8`, other systems on addresses that they were given.
   */
  readonly sandboxAddress?: string
  /**
   * Records what goes over the wire: an entry `Exchanged` for each request of a process and for each delivery of
   * telemetry, with the first `maxBytes` (default 2,048) of each body. Payloads and log lines are in it, as they are.
   * Default: `false`, nothing is recorded.
   */
  readonly wire?: boolean | { readonly maxBytes?: number }
  /** The number of entries that the journal keeps, default 100,000. */
  readonly journalSize?: number
  /** Port of the Runtime API on 127.0.0.1, default 0: any free one. */
  readonly port?: number
  /** The address of the Invoke API, for the AWS SDK and other HTTP clients. Default: there is no Invoke API. */
  readonly invokeListen?: InvokeListen
}

/**
 * The parts of an invocation besides its payload. An empty string means that the part is absent.
 *
 * @category models
 * @since 0.1.0
 */
export interface InvokeOptions {
  readonly requestId?: string
  /**
   * The X-Ray header that comes with the invocation, such as `Root=1-…;Parent=…;Sampled=1`. Default: a new one that is not
   * sampled (`PassThrough`) or sampled (`Active`), as Lambda makes it; none under `rie`.
   */
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
  /** The function's answer, or the error document when `functionError` is set. */
  readonly payload: string
  /** The error type, for example `Function.MyError`, `Extension.Crash`, `Sandbox.Timedout`. */
  readonly functionError: string | undefined
  /**
   * `true` if the runtime answered, with a result or an error; `false` if the environment did (crash, failed init,
   * timeout).
   */
  readonly respondedByRuntime: boolean
}
