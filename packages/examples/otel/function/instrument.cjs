// Starts the SDK of OpenTelemetry before the function, as its documents say: NODE_OPTIONS="--require ./instrument.cjs".
// The variables of the SDK say what it sends where; the wrapper of the layer sets them.
const { trace } = require("@opentelemetry/api")
const { AwsLambdaInstrumentation } = require("@opentelemetry/instrumentation-aws-lambda")
const { AWSXRayLambdaPropagator } = require("@opentelemetry/propagator-aws-xray-lambda")
const { NodeSDK } = require("@opentelemetry/sdk-node")

// The SDK itself knows no propagator of this name.
const isXRay = process.env.OTEL_PROPAGATORS === "xray-lambda"
if (isXRay) delete process.env.OTEL_PROPAGATORS

const instrumentation = new AwsLambdaInstrumentation()
new NodeSDK({
  instrumentations: [instrumentation],
  ...(isXRay && { textMapPropagator: new AWSXRayLambdaPropagator() })
}).start()

// The SDK gives the instrumentation a proxy, which cannot flush. The provider behind it flushes before a handler returns.
instrumentation.setTracerProvider(trace.getTracerProvider().getDelegate())
