/**
 * `npm run conform:field [-- NAME… --write]`: plays the scenarios against real extensions, and keeps their verdicts in
 * node_modules/.cache/field. With `--write` the verdicts become docs/field.md.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"
import { ConformReport } from "../../src/conform/ConformJson.ts"
import * as UserError from "../../src/shared/UserError.ts"
import * as Document from "./Document.ts"
import type { Recipe } from "./Recipe.ts"
import { recipes } from "./recipes.ts"

const repository = Path.join(import.meta.dirname, "../../../..")
const cache = Path.join(repository, "node_modules/.cache/field")
const cli = Path.join(repository, "packages/cli/bin/effect-lambda.mjs")

const runFile = ({ name }: Recipe): string => Path.join(cache, `${name}.json`)

const decodeReport = Schema.decodeUnknownEffect(Schema.fromJsonString(ConformReport))
const RunText = Schema.fromJsonString(Document.Run)

const machine = `${Os.type()} ${process.arch} with Node ${process.versions.node.split(".", 1).join("")}`

/** Runs `conform`, whose lines are shown, and gives its exit code. */
const conform = (args: ReadonlyArray<string>) =>
  Effect.callback<number | null>((resume) => {
    const child = spawn(process.execPath, [cli, "conform", ...args], { cwd: repository, stdio: "inherit" })
    child.on("close", (code) => resume(Effect.succeed(code)))
    return Effect.sync(() => child.kill("SIGTERM"))
  })

const play = Effect.fnUntraced(function* (recipe: Recipe) {
  const folder = Path.join(cache, recipe.name)
  Fs.mkdirSync(folder, { recursive: true })
  const layer = yield* recipe.prepare(folder)
  const json = Path.join(folder, "conform.json")
  Fs.rmSync(json, { force: true })
  const args = [layer, ...recipe.args.map((each) => each.replace("{repository}", repository)), "--json", json]
  yield* Console.log(`\n${recipe.name}: effect-lambda conform ${args.join(" ")}`)
  const code = yield* conform(args)
  if (!Fs.existsSync(json)) return yield* UserError.fail(`conform of ${recipe.name} ended with ${code}`)
  const report = yield* decodeReport(Fs.readFileSync(json, "utf8"))
  const date = new Date(yield* Clock.currentTimeMillis).toISOString().slice(0, 10)
  const run: Document.Run = { version: recipe.version, date, machine, report }
  Fs.writeFileSync(runFile(recipe), yield* Schema.encodeEffect(RunText)(run))
})

/** The last run of each extension in the version that its recipe has now. */
const kept = Effect.forEach(recipes, (recipe) =>
  Effect.map(
    Fs.existsSync(runFile(recipe))
      ? Schema.decodeUnknownOption(RunText)(Fs.readFileSync(runFile(recipe), "utf8")).pipe(Effect.succeed)
      : Effect.succeed(Option.none()),
    (run) => (Option.isSome(run) && run.value.version === recipe.version ? [{ recipe, run: run.value }] : [])
  )
).pipe(Effect.map((found) => found.flat()))

const write = Effect.gen(function* () {
  const played = yield* kept
  const open = Document.unconfirmed(played)
  if (open.length > 0) {
    return yield* UserError.fail(
      `look at these fails, and add the reason to the recipe if the extension is at fault:\n  ${open.join("\n  ")}`
    )
  }
  Fs.writeFileSync(Path.join(repository, "docs/field.md"), Document.render(played))
  yield* Console.log(`docs/field.md has ${played.length} extensions`)
})

const field = Command.make(
  "npm run conform:field --",
  {
    names: Argument.String("name").pipe(
      Argument.withDescription(`The extensions to play: ${recipes.map(({ name }) => name).join(", ")}. Default: all`),
      Argument.variadic()
    ),
    write: Flag.Boolean("write").pipe(
      Flag.withDescription("Write docs/field.md from the last run of each extension"),
      Flag.withDefault(false)
    ),
    keep: Flag.Boolean("keep").pipe(
      Flag.withDescription("Play none, and use the runs that are there"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* (input) {
    const strange = input.names.find((name) => !recipes.some((recipe) => recipe.name === name))
    if (strange !== undefined) return yield* UserError.fail(`there is no recipe for ${strange}`)
    const chosen = recipes.filter(({ name }) => input.names.length === 0 || input.names.includes(name))
    for (const recipe of input.keep ? [] : chosen) {
      yield* Effect.catchTag(play(recipe), "Missing", ({ message }) =>
        Console.log(`skipped ${recipe.name}: ${message}`)
      )
    }
    if (input.write) yield* write
  })
)

Command.run(field, { version: "0.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
