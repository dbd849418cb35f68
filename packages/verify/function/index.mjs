// The function of `npm run verify:aws`. The function tells the recorder what comes, and then does that.
const record = (kind, fields) => console.log(JSON.stringify({ verify: kind, at: Date.now(), ...fields }))

/** The recorder listens on this machine; beside a layer alone nothing does. */
const tell = (what) =>
  fetch(`http://127.0.0.1:${process.env.VERIFY_LOCAL_PORT ?? 4319}/verify`, { method: "POST", body: what }).catch(
    () => {}
  )

record("function-init", { initType: process.env.AWS_LAMBDA_INITIALIZATION_TYPE })

export const handler = async ({ do: what = "answer" } = {}, context) => {
  const { awsRequestId: requestId } = context
  record("function", { what, requestId, trace: process.env._X_AMZN_TRACE_ID, xray: context.xRayTraceId })
  await tell(what)
  if (what === "throw") throw new TypeError("verify throws")
  if (what === "exit") process.exit(3)
  if (what === "hang") await new Promise((resolve) => setTimeout(resolve, 60_000))
  if (what === "probe" || what === "crash-extension") await new Promise((resolve) => setTimeout(resolve, 1000))
  return { what, requestId }
}
