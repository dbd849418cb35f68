/** Recorded from AWS's emulator: invocations, and the answers of the function. */
import type { Recording } from "./script.ts"
import {
  accepted,
  answer,
  closed,
  end,
  exit,
  exitError,
  failure,
  invocation,
  invoke,
  invokeEvent,
  next,
  notAllowed,
  refused,
  register,
  registered,
  respond,
  respondError,
  runtimeNext,
  start,
  success,
  terminate,
  wait
} from "./script.ts"

const second = "a second invocation while one runs is answered with 400"

export const invocations: ReadonlyArray<Recording> = [
  {
    name: "content-type-of-the-invoker",
    extensions: [],
    steps: [
      [invoke("{}", { "Content-Type": "text/x" }), ...start("runtime")],
      [runtimeNext, invocation(1, "req0", "{}")],
      [terminate, ...end("runtime")]
    ]
  },
  {
    name: "body-of-3-kb",
    extensions: [],
    steps: [
      [invoke("x".repeat(3000)), ...start("runtime")],
      [runtimeNext, invocation(1, "req0", "x".repeat(3000))],
      [terminate, ...end("runtime")]
    ]
  },
  {
    name: "invoke-body-at-the-limit",
    extensions: [],
    steps: [
      [invoke("x".repeat(6_291_556)), ...start("runtime")],
      [runtimeNext],
      [wait, invocation(1, "req0", "x".repeat(6_291_556))],
      [respond(), accepted(2)],
      [runtimeNext, success(0, "{}")],
      [terminate, ...end("runtime")]
    ]
  },
  {
    name: "invoke-body-too-large",
    extensions: [],
    steps: [
      [invoke("x".repeat(7_000_000)), ...start("runtime")],
      [runtimeNext],
      [wait, invocation(1, "req0", "x".repeat(6_291_556))],
      [respond(), accepted(2)],
      [runtimeNext, success(0, "{}")],
      [terminate, ...end("runtime")]
    ]
  },
  {
    name: "response-too-large",
    extensions: [],
    steps: [
      [invoke("1"), ...start("runtime")],
      [runtimeNext, invocation(1, "req0", "1")],
      [
        respond("x".repeat(6_291_557)),
        refused(
          2,
          "413 Request Entity Too Large",
          "RequestEntityTooLarge",
          "Exceeded maximum allowed payload size (6291556 bytes)."
        )
      ],
      [
        runtimeNext,
        success(
          0,
          '{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size (6291557 bytes) exceeded maximum allowed payload size (6291556 bytes)."}'
        )
      ],
      [terminate, closed(3), ...end("runtime")]
    ]
  },
  {
    name: "error-body-too-large",
    extensions: [],
    steps: [
      [invoke("1"), ...start("runtime")],
      [runtimeNext, invocation(1, "req0", "1")],
      [respondError("x".repeat(6_291_557)), closed(2)],
      [runtimeNext, notAllowed(3, "InvocationErrorResponse", "Ready")],
      [
        exit("runtime", 0),
        failure(
          0,
          '{"errorType":"Runtime.ExitError","errorMessage":"RequestId: req0 Error: Runtime exited without providing a reason"}'
        ),
        ...end("runtime")
      ],
      [terminate]
    ]
  },
  {
    name: "bad-response-mode",
    extensions: [],
    steps: [
      [invoke("1"), ...start("runtime")],
      [runtimeNext, invocation(1, "req0", "1")],
      [
        respond("x", { "Lambda-Runtime-Function-Response-Mode": "foo" }),
        refused(2, "400 Bad Request", "InvalidFunctionResponseMode", "Invalid function response mode")
      ],
      [runtimeNext, notAllowed(3, "InvocationResponse", "Ready")],
      [respond(), notAllowed(4, "InvocationResponse", "InvocationResponse")],
      [respondError(), notAllowed(5, "InvocationResponse", "InvocationErrorResponse")],
      [exit("runtime", 0), failure(0), ...end("runtime")],
      [terminate]
    ]
  },
  {
    name: "streamed-response-with-trailer",
    extensions: [],
    steps: [
      [invoke("1"), ...start("runtime")],
      [runtimeNext, invocation(1, "req0", "1")],
      [respond("part", { "Lambda-Runtime-Function-Response-Mode": "streaming" }), accepted(2)],
      [runtimeNext, success(0, "part")],
      [terminate, closed(3), ...end("runtime")]
    ]
  },
  {
    name: "runtime-exits-after-response",
    extensions: [],
    steps: [
      [invoke("1"), ...start("runtime")],
      [runtimeNext, invocation(1, "req0", "1")],
      [respond("hello"), accepted(2)],
      [exit("runtime", 1), failure(0, "hello"), ...end("runtime")],
      [terminate]
    ]
  },
  {
    name: "runtime-exits-after-error",
    extensions: [],
    steps: [
      [invoke("1"), ...start("runtime")],
      [runtimeNext, invocation(1, "req0", "1")],
      [respondError('{"errorMessage":"m"}'), accepted(2)],
      [exit("runtime", 1), failure(0, '{"errorMessage":"m"}'), ...end("runtime")],
      [terminate]
    ]
  },
  {
    name: "extension-exits-after-response",
    extensions: ["a"],
    steps: [
      [invoke("1"), ...start("a")],
      [register("a", "INVOKE", "SHUTDOWN"), registered(1, "id(a)0"), ...start("runtime")],
      [next("a")],
      [runtimeNext, invokeEvent(2, "U1", "U2"), invocation(3, "U2", "1")],
      [respond(), accepted(4)],
      [exit("a", 1), failure(0, "{}"), ...end("a", "runtime")],
      [terminate]
    ]
  },
  {
    name: "exit-error",
    extensions: ["a"],
    steps: [
      [invoke("1"), ...start("a")],
      [register("a", "INVOKE", "SHUTDOWN"), registered(1, "id(a)0"), ...start("runtime")],
      [next("a")],
      [runtimeNext, invokeEvent(2, "U1", "U2"), invocation(3, "U2", "1")],
      [exitError("a", "My.Type"), accepted(4)],
      [
        exit("a", 1),
        failure(0, '{"errorType":"Extension.ExitError","errorMessage":"RequestId: U2 Error: exit status 1"}'),
        ...end("a", "runtime")
      ],
      [terminate]
    ]
  },
  {
    name: "second-invoke-while-one-runs",
    differs: second,
    extensions: [],
    steps: [
      [invoke("1"), ...start("runtime")],
      [runtimeNext, invocation(1, "req0", "1")],
      [invoke("2"), answer(2, "400 Bad Request", [], "")],
      [terminate, ...end("runtime")]
    ]
  },
  {
    name: "second-invoke-while-one-runs-b",
    differs: second,
    extensions: [],
    steps: [
      [invoke("1"), ...start("runtime")],
      [invoke("2"), answer(1, "400 Bad Request", [], "")],
      [runtimeNext, invocation(2, "req0", "1")],
      [terminate, ...end("runtime")]
    ]
  }
]
