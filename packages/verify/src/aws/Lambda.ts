/** The calls of Lambda. */
import {
  CreateCapacityProviderCommand,
  type CreateCapacityProviderCommandInput,
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  DeleteCapacityProviderCommand,
  DeleteFunctionCommand,
  DeleteLayerVersionCommand,
  DeleteProvisionedConcurrencyConfigCommand,
  GetCapacityProviderCommand,
  GetFunctionConfigurationCommand,
  GetProvisionedConcurrencyConfigCommand,
  InvokeCommand,
  ListCapacityProvidersCommand,
  ListFunctionsCommand,
  ListLayersCommand,
  ListLayerVersionsCommand,
  ListTagsCommand,
  PublishLayerVersionCommand,
  type PublishLayerVersionCommandInput,
  PublishVersionCommand,
  PutProvisionedConcurrencyConfigCommand,
  UpdateFunctionConfigurationCommand
} from "@aws-sdk/client-lambda"
import { type Call, callsOf, noPage, type Page } from "./Aws.ts"

const call = callsOf("lambda")

/** Published at once, with its ARN. */
export const publishLayer = (input: PublishLayerVersionCommandInput): Call<string> =>
  call(
    "PublishLayerVersion",
    input,
    `arn:aws:lambda:REGION:123456789012:layer:${input.LayerName}:1`,
    ({ lambda }, input, options) =>
      lambda.send(new PublishLayerVersionCommand(input), options).then(({ LayerVersionArn = "" }) => LayerVersionArn)
  )

/** At most 50 versions; a run makes one. */
export const listLayerVersions = (LayerName: string) =>
  call("ListLayerVersions", { LayerName }, [1], ({ lambda }, input, options) =>
    lambda
      .send(new ListLayerVersionsCommand(input), options)
      .then(({ LayerVersions = [] }) => LayerVersions.flatMap(({ Version }) => Version ?? []))
  )

export const deleteLayerVersion = (LayerName: string, VersionNumber: number) =>
  call("DeleteLayerVersion", { LayerName, VersionNumber }, undefined, ({ lambda }, input, options) =>
    lambda.send(new DeleteLayerVersionCommand(input), options).then(() => undefined)
  )

/** A page of the names of all layers. */
export const listLayers = (Marker?: string) =>
  call<{ readonly Marker: string | undefined }, Page>("ListLayers", { Marker }, noPage, ({ lambda }, input, options) =>
    lambda.send(new ListLayersCommand(input), options).then(({ Layers = [], NextMarker }) => ({
      items: Layers.flatMap(({ LayerName }) => LayerName ?? []),
      next: NextMarker
    }))
  )

export const createFunction = (input: CreateFunctionCommandInput) =>
  call("CreateFunction", input, undefined, ({ lambda }, input, options) =>
    lambda.send(new CreateFunctionCommand(input), options).then(() => undefined)
  )

export const deleteFunction = (FunctionName: string) =>
  call("DeleteFunction", { FunctionName }, undefined, ({ lambda }, input, options) =>
    lambda.send(new DeleteFunctionCommand(input), options).then(() => undefined)
  )

/** A page of the ARNs of all functions. */
export const listFunctions = (Marker?: string) =>
  call<{ readonly Marker: string | undefined }, Page>(
    "ListFunctions",
    { Marker },
    noPage,
    ({ lambda }, input, options) =>
      lambda.send(new ListFunctionsCommand(input), options).then(({ Functions = [], NextMarker }) => ({
        items: Functions.flatMap(({ FunctionArn }) => FunctionArn ?? []),
        next: NextMarker
      }))
  )

export const listTags = (Resource: string) =>
  call<{ readonly Resource: string }, Readonly<Record<string, string>>>(
    "ListTags",
    { Resource },
    {},
    ({ lambda }, input, options) => lambda.send(new ListTagsCommand(input), options).then(({ Tags = {} }) => Tags)
  )

/** The state of a function or of one of its versions. */
export const getFunction = (FunctionName: string, Qualifier?: string) =>
  call(
    "GetFunctionConfiguration",
    { FunctionName, Qualifier },
    { state: "Active", reason: "", update: "Successful" },
    ({ lambda }, input, options) =>
      lambda
        .send(new GetFunctionConfigurationCommand(input), options)
        .then(({ LastUpdateStatus = "", State = "", StateReason = "" }) => ({
          state: String(State),
          reason: StateReason,
          update: String(LastUpdateStatus)
        }))
  )

/** A change of the description: new environments start, and the old ones get SHUTDOWN. */
export const describeFunction = (FunctionName: string, Description: string) =>
  call("UpdateFunctionConfiguration", { FunctionName, Description }, undefined, ({ lambda }, input, options) =>
    lambda.send(new UpdateFunctionConfigurationCommand(input), options).then(() => undefined)
  )

export const publishVersion = (FunctionName: string) =>
  call("PublishVersion", { FunctionName }, "1", ({ lambda }, input, options) =>
    lambda.send(new PublishVersionCommand(input), options).then(({ Version }) => Version ?? "1")
  )

/** The answer of an invocation, as the caller gets it. */
export interface InvokeAnswer {
  readonly status: number
  readonly functionError: string | undefined
  readonly payload: string
}

export const invoke = (input: {
  readonly FunctionName: string
  readonly Qualifier: string | undefined
  readonly Payload: string
}): Call<InvokeAnswer> =>
  call("Invoke", input, { status: 200, functionError: undefined, payload: "{}" }, ({ lambda }, input, options) =>
    lambda.send(new InvokeCommand(input), options).then(({ FunctionError, Payload, StatusCode }) => ({
      status: StatusCode ?? 0,
      functionError: FunctionError,
      payload: Payload?.transformToString() ?? ""
    }))
  )

export const putProvisioned = (FunctionName: string, Qualifier: string) =>
  call(
    "PutProvisionedConcurrencyConfig",
    { FunctionName, Qualifier, ProvisionedConcurrentExecutions: 1 },
    undefined,
    ({ lambda }, input, options) =>
      lambda.send(new PutProvisionedConcurrencyConfigCommand(input), options).then(() => undefined)
  )

/** `IN_PROGRESS`, `READY` or `FAILED`. */
export const getProvisioned = (FunctionName: string, Qualifier: string) =>
  call(
    "GetProvisionedConcurrencyConfig",
    { FunctionName, Qualifier },
    { status: "READY", reason: "" },
    ({ lambda }, input, options) =>
      lambda
        .send(new GetProvisionedConcurrencyConfigCommand(input), options)
        .then(({ Status = "", StatusReason = "" }) => ({ status: String(Status), reason: StatusReason }))
  )

export const deleteProvisioned = (FunctionName: string, Qualifier: string) =>
  call("DeleteProvisionedConcurrencyConfig", { FunctionName, Qualifier }, undefined, ({ lambda }, input, options) =>
    lambda.send(new DeleteProvisionedConcurrencyConfigCommand(input), options).then(() => undefined)
  )

/** Gives the ARN. */
export const createCapacityProvider = (input: CreateCapacityProviderCommandInput) =>
  call(
    "CreateCapacityProvider",
    input,
    `arn:aws:lambda:REGION:123456789012:capacity-provider:${input.CapacityProviderName}`,
    ({ lambda }, input, options) =>
      lambda
        .send(new CreateCapacityProviderCommand(input), options)
        .then(({ CapacityProvider }) => CapacityProvider?.CapacityProviderArn ?? "")
  )

/** `Pending`, `Active`, `Failed` or `Deleting`. */
export const getCapacityProvider = (CapacityProviderName: string) =>
  call("GetCapacityProvider", { CapacityProviderName }, "Active", ({ lambda }, input, options) =>
    lambda
      .send(new GetCapacityProviderCommand(input), options)
      .then(({ CapacityProvider }): string => CapacityProvider?.State ?? "")
  )

export const deleteCapacityProvider = (CapacityProviderName: string) =>
  call("DeleteCapacityProvider", { CapacityProviderName }, undefined, ({ lambda }, input, options) =>
    lambda.send(new DeleteCapacityProviderCommand(input), options).then(() => undefined)
  )

/** A page of the ARNs of all capacity providers. */
export const listCapacityProviders = (Marker?: string) =>
  call<{ readonly Marker: string | undefined }, Page>(
    "ListCapacityProviders",
    { Marker },
    noPage,
    ({ lambda }, input, options) =>
      lambda.send(new ListCapacityProvidersCommand(input), options).then(({ CapacityProviders = [], NextMarker }) => ({
        items: CapacityProviders.flatMap(({ CapacityProviderArn }) => CapacityProviderArn ?? []),
        next: NextMarker
      }))
  )
