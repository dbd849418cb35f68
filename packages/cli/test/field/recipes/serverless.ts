/** The extension of Serverless, as the zip of its package on npm. */
import * as Effect from "effect/Effect"
import * as Path from "node:path"
import { functionFile, ofNpm, type Recipe } from "../Recipe.ts"

const version = "0.1.11"

const waits = "It waits for the answer of its backend without a limit, and calls next after that."

export const serverless: Recipe = {
  name: "serverless-otel",
  product: "@serverless/aws-lambda-otel-extension-dist",
  version,
  page: "https://www.npmjs.com/package/@serverless/aws-lambda-otel-extension-dist",
  registry: "npm",
  promise:
    "It instruments a function in Node, and sends traces and metrics of each invocation. It registers for INVOKE and SHUTDOWN, and subscribes to platform events by the Logs API.",
  settings:
    "`SLS_OTEL_REPORT_METRICS_URL` and `SLS_OTEL_REPORT_TRACES_URL` name the sink. The function is instrumented by the layer's own `otel-handler`, which puts a callback around the handler. Node 24 refuses callbacks on Lambda, so a runtime of the test that takes them runs the function.",
  prepare: () =>
    Effect.map(ofNpm("@serverless/aws-lambda-otel-extension-dist", version), (installed) =>
      Path.join(installed, "extension.zip")
    ),
  args: [
    "--env",
    `AWS_LAMBDA_EXEC_WRAPPER={repository}/${functionFile("callbacks/start")}`,
    "--sink-env",
    "SLS_OTEL_REPORT_METRICS_URL={url}/metrics",
    "--sink-env",
    "SLS_OTEL_REPORT_TRACES_URL={url}/traces"
  ],
  confirmed: {
    "next/lost-poll": "The error of the poll is caught nowhere, and ends the process.",
    "next/status-403": "The answer becomes null, and the read of its type ends the process.",
    "backend/slow":
      "It waits for two requests one after the other, 1.5 s each here; the default timeout of a function is 3 s.",
    "backend/hanging": waits,
    "backend/dns-slow": waits,
    "backend/blackholed-in-init": waits,
    "environment/full-tmp": "It writes its queue to a file in /tmp, and the error of the write ends the process.",
    "environment/node-options":
      "Its script starts Node with the function's `NODE_OPTIONS`; the agent of the scenario throws without `_HANDLER`."
  }
}
