/** The connections of a client: those that carry a call, and those that wait for one. */
import type { Connection } from "../http/Connection.ts"

interface Idle {
  readonly key: string
  /** The time on the clock from which the other side may have closed it unseen. A freeze counts. */
  readonly until: number
  /** The time on the clock at which it was kept. */
  readonly since: number
}

/** Keeps connections for the next call, each for the server that it leads to. */
export class Pool {
  readonly #maxIdle: number
  /** The one that was idle for the longest time first. */
  readonly #idle = new Map<Connection, Idle>()
  readonly #open = new Set<Connection>()
  #isClosed = false

  /** @param maxIdle of all servers together */
  constructor(maxIdle: number) {
    this.#maxIdle = maxIdle
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  add(connection: Connection): void {
    this.#open.add(connection)
  }

  remove(connection: Connection): void {
    this.#open.delete(connection)
    this.#idle.delete(connection)
  }

  /** The time on the clock since which a connection for the server is kept, the longest; `undefined`: none is kept. */
  keptSince(key: string): number | undefined {
    for (const idle of this.#idle.values()) if (idle.key === key) return idle.since
    return undefined
  }

  /** A connection that can carry a call, as far as this side knows. */
  take(key: string, now: number): Connection | undefined {
    let found: Connection | undefined
    for (const [connection, idle] of [...this.#idle].toReversed()) {
      if (idle.until <= now || !connection.isIdle) this.#discard(connection)
      else if (found === undefined && idle.key === key) found = connection
    }
    if (found !== undefined) this.#idle.delete(found)
    return found
  }

  /** Keeps a connection that has carried a call, and closes the one that was idle for the longest time if there are too many. */
  put(key: string, connection: Connection, since: number, until: number): void {
    if (!connection.isIdle) return
    this.#idle.set(connection, { key, since, until })
    const [longest] = this.#idle.keys()
    if (this.#idle.size > this.#maxIdle && longest !== undefined) this.#discard(longest)
  }

  /** Closes all of them. A call under way fails. */
  close(): void {
    this.#isClosed = true
    for (const connection of this.#open) connection.destroy()
  }

  /** The connection does not count as idle while it closes, which takes a turn of the event loop. */
  #discard(connection: Connection): void {
    this.#idle.delete(connection)
    connection.destroy()
  }
}
