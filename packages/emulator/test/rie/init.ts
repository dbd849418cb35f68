/** Recorded from AWS's emulator: init, and init that fails. */
import type { Recording } from "./script.ts"
import {
  accepted,
  answer,
  call,
  closed,
  end,
  exit,
  failure,
  initError,
  invalidRequestId,
  invocation,
  invoke,
  invokeEvent,
  next,
  notAllowed,
  refused,
  register,
  registered,
  registeredEarly,
  respond,
  respondError,
  runtimeNext,
  shutdownEvent,
  start,
  success,
  terminate
} from "./script.ts"

const ten = ["e00", "e01", "e02", "e03", "e04", "e05", "e06", "e07", "e08", "e09"]

export const init: ReadonlyArray<Recording> = [
  {
    name: "response-in-a-cold-environment",
    extensions: [],
    steps: [
      [respond("{}", {}, "nope"), invalidRequestId(0)],
      [respondError("{}", "nope"), invalidRequestId(1)],
      [runtimeNext, closed(2)],
      [initError(""), closed(3)],
      [register("i", "INVOKE"), registeredEarly(4, "id(i)0")],
      [terminate]
    ]
  },
  {
    name: "runtime-next-while-extensions-register",
    extensions: ["a"],
    steps: [
      [invoke("1"), ...start("a")],
      [runtimeNext, closed(1)],
      [respond("{}", {}, "nope"), invalidRequestId(2)],
      [terminate, ...end("a")]
    ]
  },
  {
    name: "two-files-one-name",
    extensions: ["a"],
    steps: [
      [register("a", "INVOKE"), registeredEarly(0, "id(a)0")],
      [next("a")],
      [invoke("1"), failure(2)],
      [invoke("2"), ...start("a")],
      [register("a", "INVOKE"), registered(4, "id(a)1"), ...start("runtime")],
      [next("a")],
      [runtimeNext, invokeEvent(5, "U2", "U3"), invocation(6, "U3", "2")],
      [respond(), accepted(7)],
      [runtimeNext],
      [next("a"), success(3, "{}")],
      [terminate, closed(9), ...end("a", "runtime")]
    ]
  },
  {
    name: "failed-lazy-init-extension-exits",
    extensions: ["a"],
    steps: [
      [invoke("1"), ...start("a")],
      [exit("a", 3), failure(0), ...end("a")],
      [invoke("2"), ...start("a")],
      [exit("a", 3), failure(1), ...end("a")],
      [invoke("3"), ...start("a")],
      [register("a", "INVOKE", "SHUTDOWN"), registered(3, "id(a)0"), ...start("runtime")],
      [next("a")],
      [runtimeNext, invokeEvent(4, "U1", "U2"), invocation(5, "U2", "3")],
      [respond(), accepted(6)],
      [next("a")],
      [runtimeNext, success(2, "{}")],
      [terminate, shutdownEvent(7, "SandboxTerminated"), ...end("runtime")]
    ]
  },
  {
    name: "failed-lazy-init-registered-extension-exits",
    extensions: ["a"],
    steps: [
      [invoke("1"), ...start("a")],
      [register("a", "INVOKE", "SHUTDOWN"), registered(1, "id(a)0"), ...start("runtime")],
      [exit("a", 3), failure(0), ...end("a", "runtime")],
      [invoke("2"), ...start("a")],
      [register("a", "INVOKE", "SHUTDOWN"), registered(3, "id(a)1"), ...start("runtime")],
      [next("a")],
      [runtimeNext, invokeEvent(4, "U2", "U3"), invocation(5, "U3", "2")],
      [respond(), accepted(6)],
      [next("a")],
      [runtimeNext, success(2, "{}")],
      [terminate, shutdownEvent(7, "SandboxTerminated"), ...end("runtime")]
    ]
  },
  {
    name: "failed-lazy-init-runtime-exits",
    extensions: [],
    steps: [
      [invoke("1"), ...start("runtime")],
      [exit("runtime", 3), failure(0), ...end("runtime")],
      [invoke("2"), ...start("runtime")],
      [runtimeNext, invocation(2, "req0", "2")],
      [respond(), accepted(3)],
      [runtimeNext, success(1, "{}")],
      [terminate, closed(4), ...end("runtime")]
    ]
  },
  {
    name: "runtime-crashes",
    extensions: [],
    steps: [
      [invoke("1"), ...start("runtime")],
      [exit("runtime", 3), failure(0), ...end("runtime")],
      [exit("runtime", 3)],
      [invoke("2"), ...start("runtime")],
      [runtimeNext, invocation(2, "req0", "2")],
      [respond(), accepted(3)],
      [runtimeNext, success(1, "{}")],
      [terminate, closed(4), ...end("runtime")]
    ]
  },
  {
    name: "runtime-exits-with-0",
    extensions: ["a"],
    steps: [
      [invoke("1"), ...start("a")],
      [register("a", "INVOKE", "SHUTDOWN"), registered(1, "id(a)0"), ...start("runtime")],
      [next("a")],
      [exit("runtime", 0), shutdownEvent(2, "spindown"), ...end("runtime")],
      [exit("runtime", 0)],
      [exit("a", 0), failure(0), ...end("a")],
      [invoke("2"), ...start("a")],
      [register("a", "INVOKE", "SHUTDOWN"), registered(4, "id(a)1"), ...start("runtime")],
      [next("a")],
      [runtimeNext, invokeEvent(5, "U2", "U3"), invocation(6, "U3", "2")],
      [respond(), accepted(7)],
      [runtimeNext],
      [terminate, ...end("runtime")]
    ]
  },
  {
    name: "runtime-init-error",
    extensions: [],
    steps: [
      [invoke("1"), ...start("runtime")],
      [
        initError('{"errorMessage":"x","errorType":"T"}', { "Lambda-Runtime-Function-Error-Type": "Runtime.Foo" }),
        accepted(1)
      ],
      [exit("runtime", 1), failure(0, '{"errorMessage":"x","errorType":"T"}'), ...end("runtime")],
      [
        initError('{"errorMessage":"x","errorType":"T"}', { "Lambda-Runtime-Function-Error-Type": "Runtime.Foo" }),
        closed(2)
      ],
      [exit("runtime", 1)],
      [invoke("2"), ...start("runtime")],
      [runtimeNext, invocation(4, "req0", "2")],
      [respond(), accepted(5)],
      [runtimeNext, success(3, "{}")],
      [terminate, closed(6), ...end("runtime")]
    ]
  },
  {
    name: "runtime-init-error-then-alive",
    extensions: [],
    steps: [
      [invoke("1"), ...start("runtime")],
      [
        initError('{"errorMessage":"x","errorType":"T"}', { "Lambda-Runtime-Function-Error-Type": "Runtime.Foo" }),
        accepted(1)
      ],
      [runtimeNext, notAllowed(2, "InitError", "Ready")],
      [terminate, ...end("runtime")]
    ]
  },
  {
    name: "extensions-disabled",
    extensions: ["a"],
    steps: [
      [invoke("1"), ...start("a")],
      [register("a"), registered(1, "id(a)0"), ...start("runtime")],
      [next("a")],
      [call("GET", "/2020-01-01/extension/register"), answer(3, "405 Method Not Allowed", ["Allow: POST"], "")],
      [
        call("PUT", "/2022-07-01/telemetry"),
        refused(4, "202 Accepted", "Telemetry.NotSupported", "Telemetry API is not supported")
      ],
      [call("PUT", "/2020-08-15/logs"), refused(5, "202 Accepted", "Logs.NotSupported", "Logs API is not supported")],
      [
        call("POST", "/2020-01-01/nope"),
        answer(
          6,
          "404 Not Found",
          ["Content-Type: text/plain; charset=utf-8", "X-Content-Type-Options: nosniff"],
          "404 page not found\n"
        )
      ],
      [
        call("POST", "/2020-01-01/extension/init/error"),
        refused(
          7,
          "403 Forbidden",
          "Extension.MissingExtensionIdentifier",
          "Missing Lambda-Extension-Identifier header"
        )
      ],
      [runtimeNext, invocation(8, "req1", "1")],
      [respond(), accepted(9)],
      [runtimeNext, success(0, "{}")],
      [terminate, closed(10), ...end("a", "runtime")]
    ]
  },
  {
    name: "ten-extensions",
    extensions: ten,
    steps: [
      [invoke("1"), ...start(...ten)],
      [register("e00", "INVOKE"), registered(1, "id(e00)0")],
      [register("e01", "INVOKE"), registered(2, "id(e01)1")],
      [register("e02", "INVOKE"), registered(3, "id(e02)2")],
      [register("e03", "INVOKE"), registered(4, "id(e03)3")],
      [register("e04", "INVOKE"), registered(5, "id(e04)4")],
      [register("e05", "INVOKE"), registered(6, "id(e05)5")],
      [register("e06", "INVOKE"), registered(7, "id(e06)6")],
      [register("e07", "INVOKE"), registered(8, "id(e07)7")],
      [register("e08", "INVOKE"), registered(9, "id(e08)8")],
      [register("e09", "INVOKE"), registered(10, "id(e09)9"), ...start("runtime")],
      [register("i"), refused(11, "403 Forbidden", "Extension.TooManyExtensions", "Extension limit (10) reached")],
      [next("e00")],
      [next("e01")],
      [next("e02")],
      [next("e03")],
      [next("e04")],
      [next("e05")],
      [next("e06")],
      [next("e07")],
      [next("e08")],
      [next("e09")],
      [
        runtimeNext,
        invokeEvent(12, "U10", "U11"),
        invokeEvent(13, "U12", "U11"),
        invokeEvent(14, "U13", "U11"),
        invokeEvent(15, "U14", "U11"),
        invokeEvent(16, "U15", "U11"),
        invokeEvent(17, "U16", "U11"),
        invokeEvent(18, "U17", "U11"),
        invokeEvent(19, "U18", "U11"),
        invokeEvent(20, "U19", "U11"),
        invokeEvent(21, "U20", "U11"),
        invocation(22, "U11", "1")
      ],
      [respond(), accepted(23)],
      [runtimeNext],
      [next("e00")],
      [next("e01")],
      [next("e02")],
      [next("e03")],
      [next("e04")],
      [next("e05")],
      [next("e06")],
      [next("e07")],
      [next("e08")],
      [next("e09"), success(0, "{}")],
      [terminate, closed(34), ...end(...ten, "runtime")]
    ]
  },
  {
    name: "eleven-extensions",
    extensions: [...ten, "e10"],
    steps: [
      // The recorder saw five of the ten the first time: the others were killed before their first line.
      [invoke("1"), failure(0), ...start(...ten), ...end(...ten)],
      [invoke("2"), failure(1), ...start(...ten), ...end(...ten)],
      [terminate]
    ]
  }
]
