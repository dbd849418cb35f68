/** Whether a target has what a scenario needs. */
import type { Need, Scenario, Traits } from "./Scenario.ts"
import * as Judgement from "./Judgement.ts"

const sendsNothing = Judgement.notTestable(
  "the extension sends nothing to the sink: name the variable of its backend with --sink-env NAME; a backend that is hard-coded cannot be tried"
)

const lackingNeed = (need: Need, traits: Traits): Judgement.Judgement | undefined => {
  const { subscriptions } = traits
  const types = subscriptions.flatMap((subscription) => subscription.types)
  switch (need) {
    case "INVOKE":
    case "SHUTDOWN":
      return traits.events.includes(need)
        ? undefined
        : Judgement.notApplicable(`the extension does not register for ${need}`)
    case "telemetry":
      return types.length > 0 ? undefined : Judgement.notApplicable("the extension has no subscription to telemetry")
    case "function telemetry":
      return types.includes("function")
        ? undefined
        : Judgement.notApplicable("the extension does not subscribe to the lines of the function")
    case "platform telemetry":
      return types.includes("platform")
        ? undefined
        : Judgement.notApplicable("the extension does not subscribe to the events of the platform")
    case "telemetry by HTTP":
      return subscriptions.some(({ destination }) => destination?.startsWith("http://"))
        ? undefined
        : Judgement.notApplicable("the extension does not get its telemetry by HTTP")
    case "sink":
      return traits.reachesSink ? undefined : sendsNothing
    case "lines at the sink":
      if (!traits.reachesSink) return sendsNothing
      return traits.sendsLines
        ? undefined
        : Judgement.notTestable("no line of the function arrives at the sink, so a loss cannot be seen")
    default: {
      const asked = subscriptions.flatMap(({ schemaVersion }) => schemaVersion ?? [])
      if (asked.some((version) => need === `schema ${version}`)) return undefined
      return Judgement.notApplicable(
        asked.length === 0
          ? "the extension has no subscription to telemetry"
          : `the extension asks for the schema ${asked.join(", ")}`
      )
    }
  }
}

/** The first need that the target does not have, as a judgement. */
export const lacking = ({ needs = [] }: Scenario, traits: Traits): Judgement.Judgement | undefined => {
  if (needs.length > 0 && traits.sources.length === 0) {
    return Judgement.notTestable("no extension registered in the first run, which had no fault")
  }
  for (const need of needs) {
    const judgement = lackingNeed(need, traits)
    if (judgement !== undefined) return judgement
  }
  return undefined
}
