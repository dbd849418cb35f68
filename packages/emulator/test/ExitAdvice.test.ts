/** A process that ends with 126 or 127 says in the journal, the timeline and the summary how to mend it. */
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Timeline from "@effect-lambda/emulator/Timeline"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

const code127 = "ended with code 127, which says that a program was not found."

describe("advice", () => {
  const cases: ReadonlyArray<{
    readonly title: string
    readonly content: string
    readonly advice: (file: string) => RegExp | undefined
  }> = [
    {
      title: "env without the interpreter",
      content: "#!/usr/bin/env no-such-interpreter\nprint(1)\n",
      advice: (file) =>
        new RegExp(
          `^${file} ${code127} There is no program no-such-interpreter in .+\\. Install it, or name another interpreter in the #! line\\. Its last words: .*no-such-interpreter.*$`
        )
    },
    {
      title: "a wrapper whose program is missing",
      content: '#!/bin/sh\nexec "$(dirname "$0")/no-such-program"\n',
      advice: (file) =>
        new RegExp(
          `^${file} ${code127} Install the program or the library that it did not find, or correct the path\\. Its last words: .*/no-such-program.*$`
        )
    },
    {
      title: "a path below /opt, with nothing mounted",
      content: "#!/bin/sh\nexec /opt/no-such-layer/bin/run\n",
      advice: (file) =>
        new RegExp(
          `^${file} ${code127} No layer is mounted at /opt here, so /opt/no-such-layer/bin/run does not exist\\. Mount it with --opt .+, or use paths beside ${file}\\. Its last words: .+$`
        )
    },
    {
      title: "a program without the x bit",
      content: '#!/bin/sh\necho no > "$0.txt"\n"$0.txt"\n',
      advice: (file) =>
        new RegExp(
          `^${file} ended with code 126, which says that a program could not be executed\\. Set the x bit of the program that it starts, and build that for this machine\\. Its last words: .+$`
        )
    },
    {
      title: "silence",
      content: "#!/bin/sh\nexit 127\n",
      advice: (file) => new RegExp(`^${file} ${code127} Install [^:]+\\.$`)
    },
    { title: "another code", content: "#!/bin/sh\nexit 125\n", advice: () => undefined }
  ]

  it.live.each(cases)("$title", ({ advice, content }) =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const file = writeExecutable(directory, "a", content)
      const { journal } = yield* startEmulator({ extensions: [file] })
      const exited = yield* journal.waitFor(Journal.is("ProcessExited"))
      const expected = advice(file)
      if (expected === undefined) return assert.isUndefined(exited.advice)
      assert.match(exited.advice ?? "", expected)
      const timeline = Timeline.make()
      assert.include(timeline.render(exited), exited.advice ?? "")
    })
  )
})
