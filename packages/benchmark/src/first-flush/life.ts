/** A life of a layer with telemetry: its start, a delivery of records, its first flush, and SHUTDOWN. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { setTimeout } from "node:timers/promises"
import { invoke, shutdown } from "../platform.ts"
import { cpuMillis, peakMegabytes, residentMegabytes, waitMillis } from "../proc.ts"
import { makeBatch } from "../telemetry/batches.ts"
import { certificate, type Lab, type Scheme } from "./lab.ts"

/** A layer, and the endpoint that it sends to. */
export interface Ship {
  readonly label: string
  readonly file: string
  readonly env: Readonly<Record<string, string>>
  readonly scheme: Scheme
}

/** The costs of one process until its first flush is done. */
export interface Life {
  readonly firstNextCpuMillis: number
  readonly firstNextMegabytes: number
  /** From the moment at which the records are received and counted, and the process is at rest. */
  readonly flushCpuMillis: number
  /** From the end of the function's work to the next poll, without the time in which the process waited for a CPU. */
  readonly flushMillis: number
  readonly flushedMegabytes: number
  readonly peakMegabytes: number
}

/** The moments of a life, by the monotonic clock (microseconds): a profile of the process can be cut by them. */
export interface Moments {
  readonly firstNext: number
  readonly flushFrom: number
  readonly flushTo: number
}

const lifeLimitMillis = 30_000
const longestUnrestMillis = 2000
const restMillis = 20

const moment = (): number => Number(process.hrtime.bigint() / 1000n)

/** Waits until the process uses no CPU, as between the records and the end of the function's work. */
const rest = async (pid: number): Promise<void> => {
  let before = NaN
  for (let waited = 0; waited < longestUnrestMillis && before !== cpuMillis(pid); waited += restMillis) {
    before = cpuMillis(pid)
    await setTimeout(restMillis)
  }
}

/** The records of the first delivery, and the end of the function's work, which the flush waits for. */
const telemetry = (records: number) => {
  const logs = makeBatch(0).filter(({ type }) => type === "function")
  const { requestId } = JSON.parse(invoke(1))
  const time = new Date().toISOString()
  return {
    logs: Array.from({ length: records }, (_, index) => logs[index % logs.length]),
    done: { time, type: "platform.runtimeDone", record: { requestId, status: "success" } }
  }
}

/**
 * Lives a life. Throws unless the endpoint got every record in that one flush.
 *
 * @param signal ends the process
 */
export const live = async (
  lab: Lab,
  { env, file, label, scheme }: Ship,
  records: number,
  signal: AbortSignal
): Promise<Life & Moments> => {
  const takenBefore = lab.taken()
  const firstPoll = lab.poll()
  const child = spawn(file, {
    env: {
      ...env,
      AWS_LAMBDA_RUNTIME_API: lab.runtimeApi,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "512",
      TELEMETRY_URL: lab.url(scheme),
      ...(scheme === "https" && { NODE_EXTRA_CA_CERTS: certificate })
    },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: lifeLimitMillis,
    signal,
    killSignal: "SIGKILL"
  })
  let output = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => (output = `${output}${chunk.toString()}`.slice(-2000)))
  }
  const closed = once(child, "close")
  const ended = closed.then(() => {
    throw new Error(`${label} ended with ${child.exitCode ?? child.signalCode} too early: ${output || "no output"}`)
  })
  ended.catch(() => undefined)
  const { pid } = child
  if (pid === undefined) return ended
  const during = <A>(work: Promise<A>): Promise<A> => Promise.race([work, ended])

  const started = await during(firstPoll)
  const firstNext = moment()
  const firstNextCpuMillis = cpuMillis(pid)
  const firstNextMegabytes = residentMegabytes(pid)

  const nextPoll = lab.poll()
  // If a step before that poll fails, nothing else listens to it.
  nextPoll.catch(() => undefined)
  const { done, logs } = telemetry(records)
  started.end(invoke(1))
  await during(lab.deliver(logs))
  await during(rest(pid))
  const cpuBefore = cpuMillis(pid)
  const clock = () => performance.now() - waitMillis(pid)
  const flushedFrom = clock()
  const flushFrom = moment()
  await during(lab.deliver([done]))
  const flushed = await during(nextPoll)
  const life = {
    firstNext,
    firstNextCpuMillis,
    firstNextMegabytes,
    flushFrom,
    flushTo: moment(),
    flushCpuMillis: cpuMillis(pid) - cpuBefore,
    flushMillis: clock() - flushedFrom,
    flushedMegabytes: residentMegabytes(pid),
    peakMegabytes: peakMegabytes(pid)
  }
  flushed.end(shutdown())
  await closed
  const taken = lab.taken() - takenBefore
  if (child.exitCode !== 0 || taken !== records + 1) {
    throw new Error(
      `${label} ended with ${child.exitCode ?? child.signalCode}, and the endpoint has ${taken} records instead of ` +
        `${records + 1}. Its last output: ${output || "none"}`
    )
  }
  return life
}
