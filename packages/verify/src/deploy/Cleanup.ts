/** `--cleanup`: removes what earlier runs left. Layers have no tags and are found by their names. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { Aws, type AwsError, type Call, type Page } from "../aws/Aws.ts"
import * as Iam from "../aws/Iam.ts"
import * as Lambda from "../aws/Lambda.ts"
import * as Logs from "../aws/Logs.ts"
import { isOurs, logGroupPrefix, tag } from "../Settings.ts"
import { remove, removeLayer, removeRole } from "./Resources.ts"

const maxPages = 200

/** Every item of a list, at most those of 200 pages. */
const all = Effect.fnUntraced(function* (page: (from?: string) => Call<Page>) {
  const aws = yield* Aws
  const items: Array<string> = []
  let from: string | undefined
  for (let count = 0; count < maxPages; count++) {
    const { items: more, next } = yield* aws.send(page(from))
    items.push(...more)
    if (next === undefined || next === "") return items
    from = next
  }
  yield* Console.log(`a list has more than ${maxPages} pages: not everything was looked at`)
  return items
})

const lastOf = (arn: string) => arn.slice(arn.lastIndexOf(":") + 1)

/** Functions first, since they use the rest. Gives the number of things that were found. */
export const cleanup = Effect.gen(function* () {
  const aws = yield* Aws
  const { isDry } = aws
  const removal = <R>(what: string, effect: Effect.Effect<unknown, AwsError, R>) =>
    Effect.andThen(Console.log(`removing ${what}`), isDry ? Effect.void : remove(what, effect))
  let found = 0

  for (const arn of yield* all(Lambda.listFunctions)) {
    const name = lastOf(arn)
    if (!isOurs(name) || !(tag in (yield* aws.send(Lambda.listTags(arn))))) continue
    found += 1
    yield* removal(`function ${name}`, aws.send(Lambda.deleteFunction(name)))
  }
  for (const arn of yield* all((from) => Logs.listLogGroups(logGroupPrefix, from))) {
    if (!(yield* aws.send(Logs.listLogGroupTags(arn))).includes(tag)) continue
    found += 1
    yield* removal(`log group ${lastOf(arn)}`, aws.send(Logs.deleteLogGroup(lastOf(arn))))
  }
  for (const name of (yield* all(Lambda.listLayers)).filter(isOurs)) {
    found += 1
    yield* removal(`layer ${name}`, removeLayer(name))
  }
  // Regions without managed instances refuse the list.
  const providers = yield* all(Lambda.listCapacityProviders).pipe(
    Effect.catch(({ name }) => Effect.as(Console.log(`capacity providers cannot be listed here: ${name}`), []))
  )
  for (const arn of providers) {
    const name = lastOf(arn)
    if (!isOurs(name) || !(tag in (yield* aws.send(Lambda.listTags(arn))))) continue
    found += 1
    yield* removal(`capacity provider ${name}`, aws.send(Lambda.deleteCapacityProvider(name)))
  }
  for (const name of yield* all(Iam.listRoles)) {
    if (!(yield* aws.send(Iam.listRoleTags(name))).includes(tag)) continue
    found += 1
    yield* removal(`role ${name}`, removeRole(name))
  }
  return found
})
