/** An answer whose head has come: its status counts, whatever becomes of its body. */
import * as Effect from "effect/Effect"
import type { Headers } from "../http/headers.ts"
import type { Failed } from "./Failed.ts"

interface Source {
  readonly status: number
  readonly headers: Headers
  /** The bytes of the body so far. */
  readonly body: Buffer
}

export class Incoming {
  readonly source: Source
  /** Closes the connection, unless the body is whole. */
  readonly giveUp: () => void
  #end: Effect.Effect<void, Failed> | undefined
  #waiting: Array<() => void> = []

  constructor(source: Source, giveUp: () => void) {
    this.source = source
    this.giveUp = giveUp
  }

  /** Whether all of the body has come, or the rest never comes. */
  get hasEnded(): boolean {
    return this.#end !== undefined
  }

  /** Tells those who wait that more of the body has come, or its end. */
  wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const look of waiting) look()
  }

  /** @param failed why the body is not whole */
  end(failed?: Failed): void {
    this.#end ??= failed === undefined ? Effect.void : Effect.fail(failed)
    this.wake()
  }

  /** The body so far, as soon as it has more than so many bytes, or all of it. If the wait is interrupted, the rest is given up. */
  past(length: number): Effect.Effect<Buffer, Failed> {
    return Effect.callback((resume) => {
      const look = () => {
        const { body } = this.source
        if (body.length > length) resume(Effect.succeed(body))
        else if (this.#end === undefined) this.#waiting.push(look)
        else resume(Effect.as(this.#end, body))
      }
      look()
      return Effect.sync(this.giveUp)
    })
  }
}
