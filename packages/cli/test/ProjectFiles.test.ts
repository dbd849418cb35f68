/** The files of a project that go into its layer as they are. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { join } from "node:path"
import * as ProjectFiles from "../src/build/ProjectFiles.ts"
import * as LayerConfig from "../src/project/LayerConfig.ts"
import * as Project from "./support/projects.ts"

afterAll(Project.remove)

const files = { wrapper: "layer/wrapper.sh", "python/my_module.py": "layer/my_module.py" }

const project = (name: string, more: Readonly<Record<string, string>>) =>
  Project.make(name, { "package.json": Project.manifest({ files }), "src/main.ts": "", ...more })

describe("files of the layer", () => {
  it.effect("a script can be started, another file cannot, whatever the modes in the project are", () =>
    Effect.gen(function* () {
      const script = '#!/bin/sh\nexec "$@"\n'
      const folder = project("files", { "layer/wrapper.sh": script, "layer/my_module.py": "" })
      const read = yield* ProjectFiles.read(yield* LayerConfig.resolve(folder, {}))
      assert.deepStrictEqual(
        read.map(({ bytes, mode, path }) => [path, mode, Buffer.from(bytes).toString()]),
        [
          ["wrapper", 0o755, script],
          ["python/my_module.py", 0o644, ""]
        ]
      )
    })
  )

  it.effect("a file of a package is found in node_modules of a folder above, as in a workspace", () =>
    Effect.gen(function* () {
      const source = "node_modules/some-package/wrapper"
      const above = Project.make("workspace", { [source]: "" })
      const manifest = Project.manifest({ files: { wrapper: source } })
      const folder = Project.make("workspace/project", { "package.json": manifest, "src/main.ts": "" })
      const [file] = (yield* LayerConfig.resolve(folder, {})).files
      assert.strictEqual(file?.source, join(above, source))
    })
  )

  it.effect("a device is refused, since reading it may never end", () =>
    Effect.gen(function* () {
      const folder = project("device", { "layer/my_module.py": "" })
      const config = yield* LayerConfig.resolve(folder, {})
      const error = yield* Effect.flip(ProjectFiles.read({ ...config, files: [{ path: "zero", source: "/dev/zero" }] }))
      assert.strictEqual(String(error.cause), "effectLambda.files: /dev/zero cannot be read: it is no regular file")
    })
  )

  it.effect("a file that is missing is named", () =>
    Effect.gen(function* () {
      const folder = project("missing-file", { "layer/my_module.py": "" })
      const error = yield* Effect.flip(ProjectFiles.read(yield* LayerConfig.resolve(folder, {})))
      assert.include(String(error.cause), `effectLambda.files: ${join(folder, "layer/wrapper.sh")} cannot be read: `)
    })
  )
})
