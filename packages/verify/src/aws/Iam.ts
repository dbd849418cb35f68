/** The calls of IAM. All roles have a path to themselves, by which they are found. */
import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  type CreateRoleCommandInput,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  ListRolesCommand,
  ListRoleTagsCommand,
  PutRolePolicyCommand
} from "@aws-sdk/client-iam"
import { callsOf, noPage, type Page } from "./Aws.ts"

const call = callsOf("iam")

/** The path of every role that a run makes. */
export const path = "/effect-lambda-verify/"

/** Gives the ARN. */
export const createRole = (input: CreateRoleCommandInput) =>
  call(
    "CreateRole",
    { ...input, Path: path },
    `arn:aws:iam::123456789012:role${path}${input.RoleName}`,
    ({ iam }, input, options) => iam.send(new CreateRoleCommand(input), options).then(({ Role }) => Role?.Arn ?? "")
  )

export const putRolePolicy = (RoleName: string, PolicyName: string, PolicyDocument: string) =>
  call("PutRolePolicy", { RoleName, PolicyName, PolicyDocument }, undefined, ({ iam }, input, options) =>
    iam.send(new PutRolePolicyCommand(input), options).then(() => undefined)
  )

export const deleteRolePolicy = (RoleName: string, PolicyName: string) =>
  call("DeleteRolePolicy", { RoleName, PolicyName }, undefined, ({ iam }, input, options) =>
    iam.send(new DeleteRolePolicyCommand(input), options).then(() => undefined)
  )

export const attachRolePolicy = (RoleName: string, PolicyArn: string) =>
  call("AttachRolePolicy", { RoleName, PolicyArn }, undefined, ({ iam }, input, options) =>
    iam.send(new AttachRolePolicyCommand(input), options).then(() => undefined)
  )

export const detachRolePolicy = (RoleName: string, PolicyArn: string) =>
  call("DetachRolePolicy", { RoleName, PolicyArn }, undefined, ({ iam }, input, options) =>
    iam.send(new DetachRolePolicyCommand(input), options).then(() => undefined)
  )

export const deleteRole = (RoleName: string) =>
  call("DeleteRole", { RoleName }, undefined, ({ iam }, input, options) =>
    iam.send(new DeleteRoleCommand(input), options).then(() => undefined)
  )

/** A page of the names of the roles with our path. */
export const listRoles = (Marker?: string) =>
  call<{ readonly PathPrefix: string; readonly Marker: string | undefined }, Page>(
    "ListRoles",
    { PathPrefix: path, Marker },
    noPage,
    ({ iam }, input, options) =>
      iam
        .send(new ListRolesCommand(input), options)
        .then(({ Marker, Roles = [] }) => ({ items: Roles.flatMap(({ RoleName }) => RoleName ?? []), next: Marker }))
  )

/** The names of the tags of a role. */
export const listRoleTags = (RoleName: string) =>
  call<{ readonly RoleName: string }, ReadonlyArray<string>>(
    "ListRoleTags",
    { RoleName },
    [],
    ({ iam }, input, options) =>
      iam.send(new ListRoleTagsCommand(input), options).then(({ Tags = [] }) => Tags.flatMap(({ Key }) => Key ?? []))
  )
