/** Whether a target has what a scenario needs. */
import type { Need, Scenario, Traits } from "./Scenario.ts"
import * as Judgement from "./Judgement.ts"

const lackingNeed = (need: Need, traits: Traits): Judgement.Judgement | undefined => {
  const types = traits.subscriptions.flatMap((subscription) => subscription.types)
  switch (need) {
    case "INVOKE":
    case "SHUTDOWN":
      return traits.events.includes(need)
        ? undefined
        : Judgement.notApplicable(`the extension does not register for ${need}`)
    case "telemetry":
      return types.length > 0 ? undefined : Judgement.notApplicable("the extension does not subscribe to telemetry")
    case "function telemetry":
      return types.includes("function")
        ? undefined
        : Judgement.notApplicable("the extension does not subscribe to the lines of the function")
    case "sink":
      return traits.reachesSink
        ? undefined
        : Judgement.notTestable(
            "the extension sends nothing to the sink: name the variable of its backend with --sink-env NAME; a backend that is hard-coded cannot be tried"
          )
    case "lines at the sink":
      return traits.sendsLines
        ? undefined
        : Judgement.notTestable("no line of the function arrives at the sink, so a loss cannot be seen")
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
