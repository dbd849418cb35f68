/** The findings about a layer as test results. */
import type * as Junit from "../report/Junit.ts"
import type { Finding } from "./Finding.ts"

const caseOf = ({ advice, code, message, path, severity }: Finding): Junit.Case => {
  const named = { name: path === "" ? code : `${code} ${path}`, group: "check", millis: 0 }
  return severity === "error"
    ? { ...named, outcome: { _tag: "Failed", type: severity, message, details: `do: ${advice}` } }
    : { ...named, outcome: { _tag: "Passed" }, output: `${severity}: ${message}\ndo: ${advice}` }
}

/** A case for each finding; errors are failures. A layer without findings is a case that passed. */
export const make = (findings: ReadonlyArray<Finding>): ReadonlyArray<Junit.Case> =>
  findings.length === 0
    ? [{ name: "nothing found", group: "check", millis: 0, outcome: { _tag: "Passed" } }]
    : findings.map(caseOf)
