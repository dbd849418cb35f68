/** The calls of CloudWatch Logs. */
import {
  CreateLogGroupCommand,
  DeleteLogGroupCommand,
  DescribeLogGroupsCommand,
  FilterLogEventsCommand,
  ListTagsForResourceCommand,
  PutRetentionPolicyCommand
} from "@aws-sdk/client-cloudwatch-logs"
import type { LogLine } from "../Recording.ts"
import { callsOf, noPage, type Page } from "./Aws.ts"

const call = callsOf("logs")

export const createLogGroup = (logGroupName: string, tags: Record<string, string>) =>
  call("CreateLogGroup", { logGroupName, tags }, undefined, ({ logs }, input, options) =>
    logs.send(new CreateLogGroupCommand(input), options).then(() => undefined)
  )

/** The lines go after a day, also if the group is left. */
export const keepOneDay = (logGroupName: string) =>
  call("PutRetentionPolicy", { logGroupName, retentionInDays: 1 }, undefined, ({ logs }, input, options) =>
    logs.send(new PutRetentionPolicyCommand(input), options).then(() => undefined)
  )

export const deleteLogGroup = (logGroupName: string) =>
  call("DeleteLogGroup", { logGroupName }, undefined, ({ logs }, input, options) =>
    logs.send(new DeleteLogGroupCommand(input), options).then(() => undefined)
  )

/** A page of the ARNs of the groups whose names begin so, without the `:*` at their end. */
export const listLogGroups = (logGroupNamePrefix: string, nextToken?: string) =>
  call<{ readonly logGroupNamePrefix: string; readonly nextToken: string | undefined }, Page>(
    "DescribeLogGroups",
    { logGroupNamePrefix, nextToken },
    noPage,
    ({ logs }, input, options) =>
      logs.send(new DescribeLogGroupsCommand(input), options).then(({ logGroups = [], nextToken }) => ({
        items: logGroups.flatMap(({ arn }) => arn?.replace(/:\*$/, "") ?? []),
        next: nextToken
      }))
  )

/** The names of the tags of a group. */
export const listLogGroupTags = (resourceArn: string) =>
  call<{ readonly resourceArn: string }, ReadonlyArray<string>>(
    "ListTagsForResource",
    { resourceArn },
    [],
    ({ logs }, input, options) =>
      logs.send(new ListTagsForResourceCommand(input), options).then(({ tags = {} }) => Object.keys(tags))
  )

/** A page of the lines of a group. */
export const readLines = (logGroupName: string, nextToken?: string) =>
  call<{ readonly logGroupName: string; readonly nextToken: string | undefined }, Page<LogLine>>(
    "FilterLogEvents",
    { logGroupName, nextToken },
    noPage,
    ({ logs }, input, options) =>
      logs.send(new FilterLogEventsCommand(input), options).then(({ events = [], nextToken }) => ({
        items: events.map(({ logStreamName = "", message = "", timestamp = 0 }) => ({
          stream: logStreamName,
          at: timestamp,
          message
        })),
        next: nextToken
      }))
  )
