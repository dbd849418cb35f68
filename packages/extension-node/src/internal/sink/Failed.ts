/** A request that has no answer. */
import type { Loss } from "../http/Connection.ts"

export class Failed {
  readonly cause: Error
  readonly loss: Loss
  /** The request cannot be made. */
  readonly isEncoding: boolean
  /** The connection had carried another request, and may have been dead before this one. */
  readonly isKept: boolean

  constructor(cause: Error, loss: Loss = "broken", isEncoding = false, isKept = false) {
    this.cause = cause
    this.loss = loss
    this.isEncoding = isEncoding
    this.isKept = isKept
  }
}

/** The request cannot be made: its head, or its body, which may fail with anything. */
export const unwritable = (cause: unknown): Failed =>
  new Failed(cause instanceof Error ? cause : new Error(String(cause)), "broken", true)
