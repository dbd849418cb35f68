/** The reports that the tests open in a browser: small and large, calm and troubled, friendly and hostile. */
import * as Page from "../../src/report/page/Page.ts"
import { hostileTexts, journalOf, runOf, summaryOf } from "../support/journals.ts"

const every = (step: number, most: number): ReadonlyArray<number> =>
  Array.from({ length: Math.floor(most / step) }, (_, index) => (index + 1) * step)

const hostile = (number: number): string => hostileTexts[number % hostileTexts.length] ?? ""

const troubled = {
  ...runOf({
    invocations: 200,
    extension: hostileTexts.join(" "),
    failed: every(37, 200),
    overran: [60, 140],
    reset: every(25, 200),
    errorType: hostile(3),
    line: hostile
  }),
  name: hostileTexts.join(" ")
}

const verdictOf = (status: string) => ({
  status,
  sentence: `the extension ${status === "pass" ? "asked again" : "ended"} after ${hostile(0)}`,
  advice: `ask again ${hostile(4)}`,
  aws: "Lambda closes the connection",
  basis: "documented",
  at: [8, 9]
})

const scenarios = ["pass", "fail", "warn", "info", "not applicable", "not testable"].flatMap((status) =>
  [1, 2, 3].map((number) => {
    const journal = journalOf({ invocations: 3, overran: status === "fail" ? [2] : [] })
    return { name: `next/${status}-${number}`, journal, summary: summaryOf(journal), verdict: verdictOf(status) }
  })
)

export const reports = {
  three: Page.render({ title: "three invocations", runs: [runOf({ invocations: 3, reset: [2] })] }),
  troubled: Page.render({ title: troubled.name, runs: [troubled] }),
  thousand: Page.render({
    title: "a thousand invocations",
    runs: [runOf({ invocations: 1000, failed: [500], reset: every(150, 1000) })]
  }),
  verdicts: Page.render({ title: "conform", runs: scenarios })
}
