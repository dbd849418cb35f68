/**
 * Recorded from AWS's emulator: environments that are reset. The recorder's time limits were one and two seconds;
 * limits of four seconds leave enough time on a busy machine.
 */
import type { Recording } from "./script.ts"
import {
  accepted,
  closed,
  end,
  exit,
  failure,
  invalidRequestId,
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
  shutdownEvent,
  start,
  success,
  terminate,
  wait
} from "./script.ts"

export const reset: ReadonlyArray<Recording> = [
  {
    name: "late-response-after-reset",
    extensions: ["a"],
    steps: [
      [invoke("1"), ...start("a")],
      [register("a", "INVOKE", "SHUTDOWN"), registered(1, "id(a)0"), ...start("runtime")],
      [next("a")],
      [runtimeNext, invokeEvent(2, "U1", "U2"), invocation(3, "U2", "1")],
      [
        exit("a", 1),
        failure(0, '{"errorType":"Extension.Crash","errorMessage":"RequestId: U2 Error: exit status 1"}'),
        ...end("a", "runtime")
      ],
      [respond(), invalidRequestId(4)],
      [runtimeNext, closed(5)],
      [terminate]
    ]
  },
  {
    name: "runtime-outlives-invocation-response",
    extensions: ["a", "b"],
    steps: [
      [invoke("1"), ...start("a", "b")],
      [register("a", "INVOKE", "SHUTDOWN"), registered(1, "id(a)0")],
      [register("b", "SHUTDOWN"), registered(2, "id(b)1"), ...start("runtime")],
      [next("a")],
      [next("b")],
      [runtimeNext, invokeEvent(3, "U2", "U3"), invocation(5, "U3", "1")],
      [exit("a", 0), shutdownEvent(4, "ReleaseFail"), ...end("a", "runtime")],
      [respond(), invalidRequestId(6)],
      [runtimeNext, notAllowed(7, "InvocationResponse", "Ready")],
      [next("a"), shutdownEvent(8, "ReleaseFail")],
      [
        register("a", "INVOKE", "SHUTDOWN"),
        refused(
          9,
          "403 Forbidden",
          "Extension.InvalidExtensionState",
          "State transition from Running to Registered failed for extension a. Error: State transition is not allowed"
        )
      ],
      [
        wait,
        failure(0, '{"errorType":"Extension.Crash","errorMessage":"RequestId: U3 Error: exit code 0"}'),
        ...end("b")
      ],
      [invoke("2"), ...start("a", "b")],
      [terminate, ...end("a", "b")]
    ]
  },
  {
    name: "runtime-outlives-invocation-error",
    extensions: ["a", "b"],
    steps: [
      [invoke("1"), ...start("a", "b")],
      [register("a", "INVOKE", "SHUTDOWN"), registered(1, "id(a)0")],
      [register("b", "SHUTDOWN"), registered(2, "id(b)1"), ...start("runtime")],
      [next("a")],
      [next("b")],
      [runtimeNext, invokeEvent(3, "U2", "U3"), invocation(5, "U3", "1")],
      [exit("a", 0), shutdownEvent(4, "ReleaseFail"), ...end("a", "runtime")],
      [respondError(), invalidRequestId(6)],
      [runtimeNext, notAllowed(7, "InvocationErrorResponse", "Ready")],
      [respond(), notAllowed(8, "InvocationErrorResponse", "InvocationResponse")],
      [runtimeNext, notAllowed(9, "InvocationErrorResponse", "Ready")],
      [
        wait,
        failure(0, '{"errorType":"Extension.Crash","errorMessage":"RequestId: U3 Error: exit code 0"}'),
        ...end("b")
      ],
      [invoke("2"), ...start("a", "b")],
      [terminate, ...end("a", "b")]
    ]
  },
  {
    name: "runtime-outlives-invocation-next",
    extensions: ["a", "b"],
    steps: [
      [invoke("1"), ...start("a", "b")],
      [register("a", "INVOKE", "SHUTDOWN"), registered(1, "id(a)0")],
      [register("b", "SHUTDOWN"), registered(2, "id(b)1"), ...start("runtime")],
      [next("a")],
      [next("b")],
      [runtimeNext, invokeEvent(3, "U2", "U3"), invocation(5, "U3", "1")],
      [exit("a", 0), shutdownEvent(4, "ReleaseFail"), ...end("a", "runtime")],
      [runtimeNext, closed(6)],
      [
        wait,
        failure(0, '{"errorType":"Extension.Crash","errorMessage":"RequestId: U3 Error: exit code 0"}'),
        ...end("b")
      ],
      [invoke("2"), ...start("a", "b")],
      [terminate, ...end("a", "b")]
    ]
  },
  {
    name: "extension-dies-while-idle",
    extensions: ["a", "b"],
    steps: [
      [invoke("1"), ...start("a", "b")],
      [register("a", "INVOKE", "SHUTDOWN"), registered(1, "id(a)0")],
      [register("b", "INVOKE", "SHUTDOWN"), registered(2, "id(b)1"), ...start("runtime")],
      [next("a")],
      [next("b")],
      [runtimeNext, invokeEvent(3, "U2", "U3"), invokeEvent(4, "U4", "U3"), invocation(5, "U3", "1")],
      [respond(), accepted(6)],
      [next("a")],
      [next("b")],
      [runtimeNext, success(0, "{}")],
      [exit("a", 1), ...end("a")],
      [
        invoke("2"),
        invokeEvent(7, "U5", "U6"),
        invokeEvent(8, "U7", "U6"),
        invocation(9, "U6", "2"),
        ...end("runtime")
      ],
      [
        exit("b", 0),
        failure(10, '{"errorType":"Extension.Crash","errorMessage":"RequestId: U6 Error: exit status 1"}'),
        ...end("b")
      ],
      [terminate]
    ]
  },
  {
    name: "runtime-dies-while-idle",
    extensions: ["a", "b"],
    steps: [
      [invoke("1"), ...start("a", "b")],
      [register("a", "INVOKE", "SHUTDOWN"), registered(1, "id(a)0")],
      [register("b", "INVOKE", "SHUTDOWN"), registered(2, "id(b)1"), ...start("runtime")],
      [next("a")],
      [next("b")],
      [runtimeNext, invokeEvent(3, "U2", "U3"), invokeEvent(4, "U4", "U3"), invocation(5, "U3", "1")],
      [respond(), accepted(6)],
      [next("a")],
      [next("b")],
      [runtimeNext, success(0, "{}")],
      [exit("runtime", 1), ...end("runtime")],
      [invoke("2"), invokeEvent(7, "U5", "U6"), invokeEvent(8, "U7", "U6"), invocation(9, "U6", "2")],
      [exit("a", 0), ...end("a")],
      [
        exit("b", 0),
        failure(
          10,
          '{"errorType":"Runtime.ExitError","errorMessage":"RequestId: U6 Error: Runtime exited with error: exit status 1"}'
        ),
        ...end("b")
      ],
      [terminate]
    ]
  },
  {
    name: "timeout-in-init",
    extensions: ["a"],
    timeoutSeconds: 4,
    steps: [
      [invoke("1"), ...start("a")],
      [wait, success(0, "Task timed out after 4.00 seconds"), ...end("a")],
      [invoke("2"), ...start("a")],
      [register("a", "INVOKE", "SHUTDOWN"), registered(2, "id(a)0"), ...start("runtime")],
      [next("a")],
      [runtimeNext, invokeEvent(3, "U1", "U2"), invocation(4, "U2", "2")],
      [respond(), accepted(5)],
      [runtimeNext],
      [next("a"), success(1, "{}")],
      [terminate, shutdownEvent(7, "SandboxTerminated"), ...end("runtime")]
    ]
  },
  {
    name: "timeout-in-init-b",
    extensions: ["a"],
    timeoutSeconds: 4,
    steps: [
      [invoke("1"), ...start("a")],
      [wait, success(0, "Task timed out after 4.00 seconds"), ...end("a")],
      [invoke("2"), ...start("a")],
      [register("a", "INVOKE", "SHUTDOWN"), registered(2, "id(a)0"), ...start("runtime")],
      [next("a")],
      [runtimeNext, invokeEvent(3, "U1", "U2"), invocation(4, "U2", "2")],
      [respond(), accepted(5)],
      [runtimeNext],
      [next("a"), success(1, "{}")],
      [terminate, shutdownEvent(7, "SandboxTerminated"), ...end("runtime")]
    ]
  },
  {
    name: "timeout-in-the-function",
    extensions: ["a"],
    timeoutSeconds: 4,
    steps: [
      [invoke("1"), ...start("a")],
      [register("a", "INVOKE", "SHUTDOWN"), registered(1, "id(a)0"), ...start("runtime")],
      [next("a")],
      [runtimeNext, invokeEvent(2, "U1", "U2"), invocation(3, "U2", "1")],
      [respond(), accepted(4)],
      [next("a")],
      [runtimeNext, success(0, "{}")],
      [invoke("2"), invokeEvent(5, "U3", "U4"), invocation(6, "U4", "2")],
      [wait, ...end("runtime")],
      [next("a"), shutdownEvent(8, "Timeout")],
      [exit("a", 0), success(7, "Task timed out after 4.00 seconds"), ...end("a")],
      [invoke("3"), ...start("a")],
      [register("a", "INVOKE", "SHUTDOWN"), registered(10, "id(a)5"), ...start("runtime")],
      [next("a")],
      [runtimeNext, invokeEvent(11, "U6", "U7"), invocation(12, "U7", "3")],
      [respond(), accepted(13)],
      [runtimeNext],
      [next("a"), success(9, "{}")],
      [terminate, shutdownEvent(15, "SandboxTerminated"), ...end("runtime")]
    ]
  },
  {
    name: "timeout-in-the-extension",
    extensions: ["a"],
    timeoutSeconds: 4,
    steps: [
      [invoke("1"), ...start("a")],
      [register("a", "INVOKE", "SHUTDOWN"), registered(1, "id(a)0"), ...start("runtime")],
      [next("a")],
      [runtimeNext, invokeEvent(2, "U1", "U2"), invocation(3, "U2", "1")],
      [respond(), accepted(4)],
      [next("a")],
      [runtimeNext, success(0, "{}")],
      [invoke("2"), invokeEvent(5, "U3", "U4"), invocation(6, "U4", "2")],
      [respond(), accepted(8)],
      [runtimeNext],
      [wait, ...end("runtime")],
      [next("a"), shutdownEvent(10, "Timeout")],
      [exit("a", 0), success(7, "Task timed out after 4.00 seconds"), ...end("a")],
      [invoke("3"), ...start("a")],
      [register("a", "INVOKE", "SHUTDOWN"), registered(12, "id(a)5"), ...start("runtime")],
      [next("a")],
      [runtimeNext, invokeEvent(13, "U6", "U7"), invocation(14, "U7", "3")],
      [respond(), accepted(15)],
      [runtimeNext],
      [next("a"), success(11, "{}")],
      [terminate, shutdownEvent(17, "SandboxTerminated"), ...end("runtime")]
    ]
  }
]
