/** The text Go gives to the end of a process (docs/protocol.md#failures). */
import type { ExitStatus } from "../journal/JournalEvent.ts"

const signalTexts: Readonly<Record<string, string>> = {
  SIGHUP: "hangup",
  SIGINT: "interrupt",
  SIGQUIT: "quit",
  SIGILL: "illegal instruction",
  SIGTRAP: "trace/breakpoint trap",
  SIGABRT: "aborted",
  SIGBUS: "bus error",
  SIGFPE: "floating point exception",
  SIGKILL: "killed",
  SIGUSR1: "user defined signal 1",
  SIGSEGV: "segmentation fault",
  SIGUSR2: "user defined signal 2",
  SIGPIPE: "broken pipe",
  SIGALRM: "alarm clock",
  SIGTERM: "terminated"
}

export const describeExit = (status: ExitStatus): string => {
  if (status._tag === "Signal") return `signal: ${signalTexts[status.signal] ?? status.signal}`
  return status.code === 0 ? "exit code 0" : `exit status ${status.code}`
}
