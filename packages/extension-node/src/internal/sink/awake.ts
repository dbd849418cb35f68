/** Limits of time that a freeze is no part of. */
// A timer of the process: the clock of a fiber goes on in a freeze.
// @effect-diagnostics globalTimers:off
import { afterReading } from "#sockets"

// The process looks so many times, and does not look while it is frozen: a freeze costs one of them at most.
const looks = 6

/** A longer timer of Node fires at once: a limit without an end is one of 149 days. */
const longestTimer = 2 ** 31 - 1

/**
 * Calls back after so much time in which the process was awake.
 *
 * @returns takes the limit back
 */
export const afterAwake = (millis: number, onPassed: () => void): (() => void) => {
  let seen = 0
  let stopReading = () => {}
  const timer = setInterval(
    () => {
      if (++seen < looks) return
      clearInterval(timer)
      // After a freeze a timer runs before the sockets are read: what waits in them comes first.
      stopReading = afterReading(onPassed)
    },
    Math.min(millis / looks, longestTimer)
  ).unref()
  return () => {
    clearInterval(timer)
    stopReading()
  }
}
