/** A signal behind a thaw: which thread of the process gets it. */
import * as Processes from "../src/internal/process/Processes.ts"
import { assert, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { awaitTrue, hangs, hasPython, processState, temporaryDirectory, writeExecutable } from "./support.ts"

/** Two threads that wait. The handler runs in the first one, when that one wakes up. */
const waiting = `#!/usr/bin/env python3
import os, signal, threading
signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
pipe, _ = os.pipe()
threading.Thread(target=os.read, args=[pipe, 1], daemon=True).start()
print("up", flush=True)
os.read(pipe, 1)
`

it.live("SIGTERM after a freeze reaches the first thread, the only one that runs handlers in Python", () =>
  Effect.gen(function* () {
    const command = writeExecutable(yield* temporaryDirectory, "waiting", waiting)
    const processes = yield* Processes.make
    const pids: Array<number> = []
    const ids = Array.from({ length: 12 }, (_, id) => id)
    // Many run at the same time, so that a stopped process waits for a processor before it runs again.
    const ends = yield* Effect.forEach(
      ids,
      Effect.fnUntraced(function* (id) {
        const up = yield* Deferred.make<void>()
        const end = yield* Deferred.make<Processes.ProcessExit>()
        processes.launch({
          id,
          command: [command],
          cwd: undefined,
          namespace: undefined,
          environment: { PATH: "/usr/local/bin:/usr/bin:/bin" },
          logs: false,
          onLaunched: (pid) => pids.push(pid),
          onLaunchFailed: ({ message }) => Deferred.doneUnsafe(end, Effect.die(message)),
          onLine: () => Deferred.doneUnsafe(up, Effect.void),
          onExit: (exit) => Deferred.doneUnsafe(end, Effect.succeed(exit))
        })
        // A machine without Python says so, and the process ends.
        yield* Effect.raceFirst(Deferred.await(up), Deferred.await(end))
        return end
      }),
      { concurrency: "unbounded" }
    )
    processes.freeze()
    yield* awaitTrue(() => pids.every((pid) => !["R", "S"].includes(processState(pid))))
    processes.thaw()
    for (const id of ids) processes.kill(id, "SIGTERM")
    const exits = yield* Effect.forEach(ends, (end) => Deferred.await(end)).pipe(Effect.timeout(hangs))
    for (const { status } of exits) assert.deepStrictEqual(status, { _tag: "Code", code: hasPython ? 7 : 127 })
  })
)
