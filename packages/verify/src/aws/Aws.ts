/** Calls of AWS: each knows what it sends, how it is shown, and an answer for a dry run. */
import { CloudWatchLogsClient, CloudWatchLogsServiceException } from "@aws-sdk/client-cloudwatch-logs"
import { IAMClient, IAMServiceException } from "@aws-sdk/client-iam"
import { LambdaClient, LambdaServiceException } from "@aws-sdk/client-lambda"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

/** A call that AWS refused, or that did not reach AWS. */
export class AwsError extends Schema.TaggedError<AwsError>()("AwsError", {
  service: Schema.Literals(["lambda", "iam", "logs"]),
  operation: Schema.String,
  /** The name of the error, such as `ResourceNotFoundException`. */
  name: Schema.String,
  message: Schema.String,
  /** The HTTP status, if there was an answer. */
  status: Schema.optionalKey(Schema.Finite)
}) {
  get isNotFound(): boolean {
    return this.name === "ResourceNotFoundException" || this.name.startsWith("NoSuchEntity")
  }

  /** Whether the call surely had no effect. A second attempt of the SDK may find what its first attempt made. */
  get hadNoEffect(): boolean {
    if (this.name === "CredentialsProviderError") return true
    return this.status !== undefined && this.status < 500 && !/Conflict|AlreadyExists/.test(this.name)
  }

  /** Whether the same call may succeed some seconds later: something else is not finished yet. */
  get isTooEarly(): boolean {
    return /Conflict|InUse|OperationAborted|ConcurrentModification|TooManyRequests|Throttl|Timeout/.test(this.name)
  }
}

/** The sentence for a report: which call, and the words of AWS. */
export const sentenceOf = ({ message, name, operation, service }: AwsError): string =>
  `${service} ${operation} failed: ${name}: ${message}`

/** The clients of the three services. */
export interface Clients {
  readonly lambda: LambdaClient
  readonly iam: IAMClient
  readonly logs: CloudWatchLogsClient
}

/** A call with the type of its answer. */
export interface Call<A> {
  readonly service: AwsError["service"]
  readonly operation: string
  readonly input: object
  /** The answer of a dry run. */
  readonly sample: A
  readonly send: (clients: Clients, options: { readonly abortSignal: AbortSignal }) => Promise<A>
}

/** Makes the calls of a service. `send` gets the input, so that what is sent is what is shown. */
export const callsOf =
  (service: AwsError["service"]) =>
  <I extends object, A>(
    operation: string,
    input: I,
    sample: A,
    send: (clients: Clients, input: I, options: { readonly abortSignal: AbortSignal }) => Promise<A>
  ): Call<A> => ({ service, operation, input, sample, send: (clients, options) => send(clients, input, options) })

/** A page of a list: the items, and where the next page begins. */
export interface Page<A = string> {
  readonly items: ReadonlyArray<A>
  readonly next: string | undefined
}

export const noPage: Page<never> = { items: [], next: undefined }

export class Aws extends Context.Service<
  Aws,
  {
    /** Sends a call, which takes two minutes at most. */
    readonly send: <A>(call: Call<A>) => Effect.Effect<A, AwsError>
    /** The region, for names and the report. */
    readonly region: string
    /** Whether nothing is sent. */
    readonly isDry: boolean
  }
>()("@effect-lambda/verify/aws/Aws") {}

export interface Options {
  readonly region?: string
  readonly profile?: string
  /** For tests: `AWS_ENDPOINT_URL` does the same. */
  readonly endpoint?: string
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

const nameOf = (error: unknown) => (error instanceof Error ? error.name : "Error")
const answers = [CloudWatchLogsServiceException, IAMServiceException, LambdaServiceException]
const statusOf = (error: unknown) => {
  const status = answers.flatMap((kind) => (error instanceof kind ? error.$metadata.httpStatusCode : undefined) ?? [])
  return status[0] === undefined ? {} : { status: status[0] }
}
const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

/** The SDK finds credentials, region and endpoint as the AWS CLI does. */
export const layer = (options: Options): Layer.Layer<Aws, AwsError> =>
  Layer.effect(
    Aws,
    Effect.gen(function* () {
      const clients = yield* Effect.acquireRelease(
        Effect.sync((): Clients => {
          const settings = { ...options, maxAttempts: 4 }
          return {
            lambda: new LambdaClient(settings),
            iam: new IAMClient(settings),
            logs: new CloudWatchLogsClient(settings)
          }
        }),
        ({ iam, lambda, logs }) =>
          Effect.sync(() => {
            lambda.destroy()
            iam.destroy()
            logs.destroy()
          })
      )
      const region = yield* Effect.tryPromise({
        try: () => clients.lambda.config.region(),
        catch: (error) =>
          new AwsError({
            service: "lambda",
            operation: "(configuration)",
            name: nameOf(error),
            message: `${messageOf(error)}. Name the region: --region, AWS_REGION, or the profile`
          })
      })
      return Aws.of({
        region,
        isDry: false,
        send: ({ operation, send, service }) =>
          Effect.tryPromise({
            try: (abortSignal) => send(clients, { abortSignal }),
            catch: (error) =>
              new AwsError({ service, operation, name: nameOf(error), message: messageOf(error), ...statusOf(error) })
          }).pipe(
            Effect.timeoutOrElse({
              duration: "2 minutes",
              orElse: () =>
                Effect.fail(
                  new AwsError({ service, operation, name: "Timeout", message: "no answer within two minutes" })
                )
            })
          )
      })
    })
  )

const bytesShown = ({ length }: Uint8Array) =>
  length === 0 ? "<zip of effect-lambda build>" : `<zip of ${length} bytes>`

/** Bytes are shown as their number; nothing that this program sends is a secret. */
const shown = (input: object): string =>
  JSON.stringify(input, (_, value: unknown) => (value instanceof Uint8Array ? bytesShown(value) : value))

/** Shows every call, and sends none. */
export const layerDry = (region: string): Layer.Layer<Aws> =>
  Layer.succeed(Aws, {
    region,
    isDry: true,
    send: ({ input, operation, sample, service }) =>
      Effect.as(Console.log(`${service} ${operation} ${shown(input)}`), sample)
  })
