/** The input of `emulate`, and the sentences for input that it cannot work with. */
import { maxPayloadBytes } from "@effect-lambda/emulator/Emulator"
import * as Fault from "@effect-lambda/emulator/Fault"
import * as CliError from "effect/cli/CliError"
import type * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import process from "node:process"
import * as FunctionVariables from "../project/FunctionVariables.ts"
import * as LayerConfig from "../project/LayerConfig.ts"
import { fail } from "../shared/UserError.ts"
import { defaultListen, type flags } from "./EmulateFlags.ts"
import type { Options } from "./Environment.ts"
import * as OptFolder from "./OptFolder.ts"

export type Input = Command.Command.Config.Infer<typeof flags>

const listenOf = (text: string) => {
  const match = /^(?:\[?([^\]]+?)\]?:)?(\d{1,5})$/.exec(text)
  const port = Number(match?.[2])
  return match === null || port > 65_535
    ? fail(`--listen takes HOST:PORT, such as ${defaultListen}, not ${JSON.stringify(text)}`)
    : Effect.succeed({ host: match[1] ?? "127.0.0.1", port })
}

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** JSON as it stands on the command line, or the JSON in a file. */
export const payloadOf = Effect.fnUntraced(function* (input: Input) {
  if (Option.isNone(input.payload)) return "{}"
  const text = input.payload.value
  if (Option.isNone(input.invocations)) {
    return yield* fail("--payload goes with --invocations; over HTTP each invocation brings its own payload")
  }
  if (isJson(text)) return text
  const content = yield* Effect.try({
    try: () => Fs.readFileSync(text, "utf8"),
    catch: () =>
      new CliError.UserError({
        cause: `--payload ${JSON.stringify(text)} is neither JSON nor a file that can be read`
      })
  })
  if (!isJson(content)) return yield* fail(`the payload file ${text} does not hold JSON`)
  const bytes = Buffer.byteLength(content)
  if (bytes <= maxPayloadBytes) return content
  return yield* fail(`the payload file ${text} has ${bytes} bytes; Lambda takes ${maxPayloadBytes} at most`)
})

const filesIn = (directory: string): ReadonlyArray<string> =>
  Fs.readdirSync(directory, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [] : [NodePath.join(directory, entry.name)]
  )

const isDirectory = (path: string) => Fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** The files to run; a folder counts as the files in it. */
const extensionsOf = Effect.fnUntraced(function* (paths: ReadonlyArray<string>) {
  const files: Array<string> = []
  for (const path of paths) {
    if (!isDirectory(path)) {
      files.push(path)
      continue
    }
    const found = filesIn(path)
    if (found.length === 0) {
      const inside = NodePath.join(path, "extensions")
      const advice = isDirectory(inside) ? `; did you mean --opt ${path}?` : ""
      return yield* fail(`there is no extension in the folder ${path}${advice}`)
    }
    files.push(...found)
  }
  const zip = files.find((file) => file.endsWith(".zip") && Fs.existsSync(file))
  return zip === undefined ? files : yield* fail(`${zip} is a zip: give it with --opt ${zip}`)
})

/**
 * The extensions to run, the names of all of them, and the paths beside which a build may have left a source map. Layers
 * are unpacked into a folder of the scope.
 */
const allExtensionsOf = Effect.fnUntraced(function* (input: Pick<Input, "extensions" | "opt">) {
  const files = yield* extensionsOf(input.extensions)
  const names = files.map((file) => NodePath.basename(file))
  if (input.opt.length === 0) return { extensions: files, names, built: files }
  const opt = yield* OptFolder.make(input.opt, files.length > 0)
  const inside = OptFolder.extensionNames(opt)
  const given = input.opt.flatMap((path) => inside.map((name) => NodePath.join(path, "extensions", name)))
  return {
    extensions: { opt, root: "if-permitted", files } as const,
    names: [...names, ...inside],
    built: [...files, ...given]
  }
})

/** Node and other runtimes refuse an answer whose headers have more than 16 KiB together. */
const maxTraceHeader = 2048

/** A trace header has fields in any order, such as `Self=...;Root=...`, on one line of printable characters. */
const isTraceHeader = (text: string): boolean => {
  const fields = text.split(";").map((field) => field.trim())
  return (
    text.length <= maxTraceHeader &&
    fields.every((field) => /^[A-Za-z]+=[\x20-\x7e]*$/.test(field)) &&
    fields.some((field) => /^Root=./.test(field))
  )
}

export const traceHeaderOf = (input: Input) => {
  if (Option.isNone(input.traceHeader)) return Effect.succeed({})
  const traceHeader = input.traceHeader.value
  if (Option.isNone(input.invocations)) {
    return fail("--trace-header goes with --invocations; over HTTP each invocation brings its own X-Amzn-Trace-Id")
  }
  return isTraceHeader(traceHeader)
    ? Effect.succeed({ traceHeader })
    : fail(
        `--trace-header takes a header of X-Ray, such as Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1, not ${JSON.stringify(traceHeader.slice(0, 100))}`
      )
}

/** A handler file or a program. */
export const functionOf = (input: Pick<Input, "function" | "bootstrap">) => {
  if (Option.isSome(input.function) && Option.isSome(input.bootstrap)) {
    return fail("give --function (a file with a handler) or --bootstrap (a program), not both")
  }
  if (Option.isSome(input.function)) return Effect.succeed({ handler: input.function.value })
  if (Option.isSome(input.bootstrap)) {
    return Effect.succeed({ command: [NodePath.resolve(input.bootstrap.value)] } as const)
  }
  return fail("give the function: --function FILE (a file with a handler) or --bootstrap FILE (a program)")
}

/** The environment that is asked for. Without `--invocations` it listens in any case. */
export const optionsOf = Effect.fnUntraced(function* (input: Input) {
  const faults = yield* Effect.forEach(input.faults, (text) =>
    Effect.fromResult(Fault.parse(text)).pipe(
      Effect.mapBoth({
        onSuccess: (fault) => ({ text, fault }),
        onFailure: (error) => new CliError.UserError({ cause: error.reason.message })
      })
    )
  )
  const listen = Option.isNone(input.invocations) ? Option.orElseSome(input.listen, () => defaultListen) : input.listen
  const { built, extensions, names } = yield* allExtensionsOf(input)
  const options: Options = {
    extensions,
    function: yield* functionOf(input),
    environment: {
      // A layer beside a function on Node finds the managed Node.
      ...(Option.exists(input.function, (file) => /\.[cm]?[jt]s$/.test(file))
        ? { EFFECT_LAMBDA_NODE: process.execPath }
        : undefined),
      ...(yield* FunctionVariables.resolve(
        yield* LayerConfig.environmentNear([...input.extensions, ...input.opt]),
        input
      ))
    },
    ...(Option.isSome(input.initType) ? { initType: input.initType.value } : undefined),
    tracing: input.tracing,
    logFormat: input.logFormat,
    profile: input.profile,
    timeout: input.timeout * 1000,
    memorySize: input.memory,
    freeze: input.freeze,
    faults: faults.map(({ fault }) => fault),
    seed: input.seed,
    ...(Option.isSome(listen) ? { invokeListen: yield* listenOf(listen.value) } : undefined)
  }
  return { options, built, faults, names }
})
