/** The templates of docs/deploying.md: as the document shows them, as `build --snippet` prints them, and read by tools. */
import { parse as parseHcl } from "@cdktf/hcl2json"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { App, Stack } from "aws-cdk-lib"
import { CfnFunction, CfnLayerVersion } from "aws-cdk-lib/aws-sam"
import { CfnInclude } from "aws-cdk-lib/cloudformation-include"
import { DockerfileParser } from "dockerfile-ast"
import { execFile } from "node:child_process"
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { promisify } from "node:util"
import { parse as parseYaml } from "yaml"
import * as Snippets from "../cli/src/build/Snippets.ts"
import * as ZipWriter from "../cli/src/layer/ZipWriter.ts"
import type { LayerConfig } from "../cli/src/project/LayerConfig.ts"
import otel from "../otel/package.json" with { type: "json" }

const root = join(import.meta.dirname, "../..")
const templates = join(root, "docs/templates")
const template = (name: string) => readFileSync(join(templates, name), "utf8")
const page = readFileSync(join(root, "docs/deploying.md"), "utf8")

/** A project with a built layer. */
let project = ""

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "deploying-"))
  for (const folder of ["dist", "function", "bin"]) mkdirSync(join(project, folder))
  writeFileSync(join(project, "function/handler.mjs"), "export const handler = () => 'ok'\n")
  for (const arch of ["x64", "arm64"]) {
    const zip = ZipWriter.write([
      { path: "extensions/my-extension", mode: 0o755, bytes: Buffer.from(`#!/bin/bash\n# ${arch}\n`) }
    ])
    writeFileSync(join(project, `dist/my-extension-${arch}.zip`), zip)
  }
})

afterAll(() => rmSync(project, { recursive: true, force: true }))

const run = (command: string, args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = {}) =>
  promisify(execFile)(command, args, { cwd: project, env: { PATH: process.env["PATH"], ...env }, timeout: 60_000 })

it.each(globSync("*", { cwd: templates }))("docs/deploying.md shows %s as it is", (name) => {
  assert.include(page, "\n" + template(name) + "```\n")
})

const layerOf = (arch: "x64" | "arm64", bytes = 1000) => {
  const directory = join(process.cwd(), `dist/my-extension-${arch}`)
  const zip = { file: `${directory}.zip`, bytes, sha256: "" }
  return { arch, directory, zip, unzippedBytes: 0, contentHash: "", codeCaches: [] }
}

const variables: LayerConfig["variables"] = {
  MY_EXTENSION_URL: "https://example.com",
  MY_EXTENSION_KEY: { secret: "my-extension/key" }
}

/** Without comments, and as every template indents it. */
const linesOf = (text: string): string =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => !/^(?:#|\/\/|Resources:|$)/.test(line))
    .join("\n")

it.each([
  ["cli", "publish.sh", ["x64", "arm64"]],
  ["sam", "template.yaml", ["x64", "arm64"]],
  ["cdk", "stack.ts", ["x64", "arm64"]],
  ["terraform", "main.tf", ["x64", "arm64"]],
  ["docker", "Dockerfile", ["arm64"]]
] as const)("build --snippet %s prints the lines of %s", (kind, name, arches) => {
  for (const arch of arches) {
    const snippet = linesOf(Snippets.render(kind, { name: "my-extension", layers: [layerOf(arch)], variables }))
    assert.isAtLeast(snippet.length, 20)
    for (const block of snippet.split(/\n(?=data )/)) assert.include(linesOf(template(name)), block)
  }
})

it.each([
  ["cli", "publish.sh"],
  ["sam", "template.yaml"],
  ["cdk", "stack.ts"],
  ["terraform", "main.tf"]
] as const)("build --snippet %s shows the variables of %s, in comments that a person takes off", (kind, name) => {
  const snippet = Snippets.render(kind, { name: "my-extension", layers: [layerOf("arm64")], variables })
  const shown = snippet.slice(snippet.lastIndexOf(":\n") + 2).replaceAll(/^ *(?:#|\/\/) {3}/gm, "")
  assert.include(shown, "MY_EXTENSION_KEY")
  assert.include(
    linesOf(template(name)).replaceAll('"$(dirname "$0")/set-variables.sh"', "set-variables.sh"),
    linesOf(shown)
  )
})

it.each(["cli", "sam", "cdk", "terraform"] as const)("docs/otel.md has the variables of build --snippet %s", (kind) => {
  const lines = Snippets.variablesOf(kind, otel.effectLambda.variables)
  assert.isAbove(lines.length, 2)
  assert.include(readFileSync(join(root, "docs/otel.md"), "utf8"), `\n${lines.join("\n")}\n\`\`\``)
})

it("build --snippet shows a value with signs of each language as it is", async () => {
  const value = `a "b" 'c' \\ #d \${e} %{f} $g`
  const yaml = parseYaml(Snippets.variablesOf("sam", { A: value }).join("\n"))
  assert.deepStrictEqual(yaml, { Environment: { Variables: { A: value } } })
  const hcl = await parseHcl("main.tf", Snippets.variablesOf("terraform", { A: value }).join("\n"))
  // The parser does not take back the escapes of templates.
  const escaped = value.replaceAll(/[$%](?=\{)/g, (sign) => sign + sign)
  assert.deepStrictEqual(hcl, { environment: [{ variables: { A: escaped } }] })
  const [script = ""] = Snippets.variablesOf("cli", { A: value }).slice(-1)
  assert.strictEqual((await run("bash", ["-c", `printf %s ${script}`])).stdout, `A=${value}`)
})

it("build --snippet docker names the variables that are set at the function", () => {
  const snippet = Snippets.render("docker", {
    name: "otel",
    layers: [layerOf("arm64")],
    variables: { ...variables, AWS_LAMBDA_EXEC_WRAPPER: "/opt/wrapper" }
  })
  assert.match(snippet, /not in the image:\n# {3}MY_EXTENSION_URL\n# {3}MY_EXTENSION_KEY$/)
})

interface Resource {
  readonly Type: string
  readonly DeletionPolicy?: string
  readonly Properties: Readonly<Record<string, unknown>>
}

interface CloudFormation {
  readonly Transform?: string
  readonly Resources: Readonly<Record<string, Resource>>
}

const ofType = ({ Resources }: CloudFormation, type: string): ReadonlyArray<readonly [string, Resource]> =>
  Object.entries(Resources).filter(([, resource]) => resource.Type === type)

describe("SAM", () => {
  /** Loads a template with the resource specification that the CDK has, and writes it out again. */
  const load = (text: string): CloudFormation => {
    const file = join(project, "template.yaml")
    writeFileSync(file, text)
    const app = new App({ outdir: join(project, "sam.out") })
    const stack = new Stack(app, "Sam")
    const include = new CfnInclude(stack, "Template", { templateFile: file })
    assert.strictEqual(include.stack, stack)
    return app.synth().getStackByName("Sam").template as CloudFormation
  }

  it("the template holds what CloudFormation's resource specification allows", () => {
    const loaded = load(template("template.yaml"))
    assert.strictEqual(loaded.Transform, "AWS::Serverless-2016-10-31")
    const layers = ofType(loaded, "AWS::Serverless::LayerVersion")
    const functions = ofType(loaded, "AWS::Serverless::Function")
    assert.lengthOf(Object.keys(loaded.Resources), layers.length + functions.length)
    assert.deepStrictEqual(
      layers.map(([, { Properties }]) => Properties["CompatibleArchitectures"]),
      [["x86_64"], ["arm64"]]
    )
    assert.deepStrictEqual(
      functions.map(([, { Properties }]) => [Properties["Layers"], Properties["Environment"]]),
      [
        [
          [{ Ref: "MyExtensionArm64" }],
          {
            Variables: {
              MY_EXTENSION_URL: "https://example.com",
              MY_EXTENSION_KEY: "{{resolve:secretsmanager:my-extension/key}}"
            }
          }
        ]
      ]
    )
    const known = (type: object, properties: object) =>
      Object.keys(properties).filter((name) => `${name.charAt(0).toLowerCase()}${name.slice(1)}` in type)
    for (const [, { Properties }] of layers) {
      // The specification is older than this property, which SAM's own reference lists.
      assert.sameMembers(
        [...known(CfnLayerVersion.prototype, Properties), "CompatibleArchitectures"],
        Object.keys(Properties)
      )
    }
    for (const [, { Properties }] of functions) {
      assert.sameMembers(known(CfnFunction.prototype, Properties), Object.keys(Properties))
    }
  })

  it.each([
    ["a property of the wrong type", (text: string) => text.replace("[!Ref MyExtensionArm64]", "{ a: b }")],
    ["a reference to nothing", (text: string) => text.replace("!Ref MyExtensionArm64", "!Ref MyExtensionArm46")]
  ])("%s would not pass", (_, change) => {
    assert.throws(() => load(change(template("template.yaml"))))
  })
})

it("CDK: the app is synthesised", async () => {
  const outdir = join(project, "cdk.out")
  // `cdk synth` does this.
  await run(process.execPath, [join(templates, "stack.ts")], { CDK_OUTDIR: outdir })
  const stack = JSON.parse(readFileSync(join(outdir, "MyStack.template.json"), "utf8")) as CloudFormation
  const layers = ofType(stack, "AWS::Lambda::LayerVersion")
  assert.deepStrictEqual(
    layers.map(([, { Properties }]) => Properties["CompatibleArchitectures"]),
    [["x86_64"], ["arm64"]]
  )
  for (const [, layer] of layers) assert.deepInclude(layer, { DeletionPolicy: "Retain" })
  const [[, fn] = assert.fail("no function")] = ofType(stack, "AWS::Lambda::Function")
  assert.deepInclude(fn.Properties, {
    Runtime: "nodejs24.x",
    Architectures: ["arm64"],
    Layers: [{ Ref: layers[1]?.[0] }],
    Environment: {
      Variables: {
        MY_EXTENSION_URL: "https://example.com",
        MY_EXTENSION_KEY: "{{resolve:secretsmanager:my-extension/key:SecretString:::}}"
      }
    }
  })
  // The zips are taken as they are.
  const zips = globSync("asset.*.zip", { cwd: outdir }).map((file) => readFileSync(join(outdir, file)))
  for (const arch of ["x64", "arm64"]) {
    const zip = readFileSync(join(project, `dist/my-extension-${arch}.zip`))
    assert.isTrue(zips.some((asset) => asset.equals(zip)))
  }
})

describe("Terraform", () => {
  it("HashiCorp's parser reads the configuration, and every reference leads to a block of it", async () => {
    const text = template("main.tf")
    const parsed = (await parseHcl("main.tf", text)) as {
      readonly resource: Record<string, Record<string, ReadonlyArray<Record<string, unknown>>>>
      readonly data: Record<string, Record<string, unknown>>
    }
    const blocks = [
      ...Object.entries(parsed.resource).flatMap(([type, names]) =>
        Object.keys(names).map((name) => `${type}.${name}`)
      ),
      ...Object.entries(parsed.data).flatMap(([type, names]) =>
        Object.keys(names).map((name) => `data.${type}.${name}`)
      )
    ]
    const references = Array.from(text.matchAll(/= \[?((?:data\.)?(?:aws|archive)_\w+\.\w+)\./g), ([, block]) => block)
    assert.isAtLeast(references.length, 6)
    for (const reference of references) assert.include(blocks, reference)
    const layers = parsed.resource["aws_lambda_layer_version"]
    assert.sameMembers(Object.keys(layers ?? {}), ["my_extension_x64", "my_extension_arm64"])
    assert.deepInclude(layers?.["my_extension_arm64"]?.[0], {
      filename: "dist/my-extension-arm64.zip",
      compatible_architectures: ["arm64"],
      skip_destroy: true
    })
    assert.deepInclude(parsed.resource["aws_lambda_function"]?.["my_function"]?.[0], {
      architectures: ["arm64"],
      layers: ["${aws_lambda_layer_version.my_extension_arm64.arn}"],
      environment: [
        {
          variables: {
            MY_EXTENSION_URL: "https://example.com",
            MY_EXTENSION_KEY: "${data.aws_secretsmanager_secret_version.my_extension_key.secret_string}"
          }
        }
      ]
    })
  })

  it("a layer over 50 MB goes through a bucket", async () => {
    const large = Snippets.render("terraform", {
      name: "my-extension",
      layers: [layerOf("x64", 60 * 1024 * 1024)],
      variables: {}
    })
    const { resource } = (await parseHcl("main.tf", large)) as {
      readonly resource: Record<string, Record<string, ReadonlyArray<Record<string, unknown>>>>
    }
    assert.containsAllKeys(resource["aws_s3_object"]?.["my_extension_x64"]?.[0], [
      "bucket",
      "key",
      "source",
      "source_hash"
    ])
    const layer = resource["aws_lambda_layer_version"]?.["my_extension_x64"]?.[0]
    assert.deepInclude(layer, { s3_bucket: "${aws_s3_object.my_extension_x64.bucket}" })
    assert.notProperty(layer, "filename")
  })
})

describe("AWS CLI", () => {
  const arn = "arn:aws:lambda:eu-west-1:123456789012:layer"
  const update = "lambda update-function-configuration --function-name my-function --layers"

  /** Runs a script with a recorder instead of `aws`: the calls, and the end of the script. */
  const script = async (
    args: readonly [string, ...ReadonlyArray<string>],
    {
      attached = `${arn}:first:1\t${arn}:my-extension-arm64:6\t${arn}:last:2`,
      environment = '{"Variables":{"OWN":"kept"}}',
      failing = "nothing"
    } = {}
  ) => {
    const fake = `#!/bin/bash
printf '%s\\n' "$*" >> calls
if [[ $2 == ${failing} ]]; then echo 'ThrottlingException: Rate exceeded' >&2; exit 254; fi
case $2 in
  get-function-configuration)
    if [[ $* == *Environment* ]]; then printf '%s\\n' '${environment}'; else printf '%s\\n' '${attached}'; fi ;;
  list-layer-versions) echo ${arn}:my-extension-arm64:7 ;;
  get-layer-version) echo ${arn}:my-extension-arm64:5 ;;
  get-secret-value) echo 'a "secret"' ;;
esac
# The variables come by standard input, and no argument has them.
if [[ $* == *--environment* ]]; then cat > environment; fi
`
    writeFileSync(join(project, "bin/aws"), fake, { mode: 0o755 })
    writeFileSync(join(project, "calls"), "")
    writeFileSync(join(project, "environment"), "null")
    const [name, ...rest] = args
    const code = await run("bash", [join(templates, name), ...rest], {
      PATH: `${join(project, "bin")}:${process.env["PATH"]}`
    }).then(
      () => 0,
      (error: { readonly code: number }) => error.code
    )
    const calls = readFileSync(join(project, "calls"), "utf8").split("\n")
    return {
      code,
      calls,
      updates: calls.filter((call) => call.includes("update-function-configuration")),
      environment: JSON.parse(readFileSync(join(project, "environment"), "utf8"))
    }
  }

  it("publishes both layers and exchanges the one of the function, in its place between the others", async () => {
    const { calls, code, environment, updates } = await script(["publish.sh"])
    assert.strictEqual(code, 0)
    for (const [arch, name] of [
      ["x64", "x86_64"],
      ["arm64", "arm64"]
    ]) {
      assert.include(
        calls,
        `lambda publish-layer-version --layer-name my-extension-${arch} --zip-file fileb://dist/my-extension-${arch}.zip ` +
          `--compatible-architectures ${name}`
      )
    }
    assert.strictEqual(
      updates[0],
      `${update} ${arn}:first:1 ${arn}:my-extension-arm64:7 ${arn}:last:2 --query Layers[].Arn`
    )
    assert.deepStrictEqual(environment, {
      Variables: { OWN: "kept", MY_EXTENSION_URL: "https://example.com", MY_EXTENSION_KEY: 'a "secret"' }
    })
    assert.notInclude(calls.join("\n"), 'a "secret"')
  })

  it.each([
    ["back to a version", "5", undefined, `${arn}:first:1 ${arn}:my-extension-arm64:5 ${arn}:last:2`],
    ["off the function", "none", undefined, `${arn}:first:1 ${arn}:last:2`],
    ["off a function that has no other", "none", `${arn}:my-extension-arm64:6`, "[]"],
    ["to a function that has none", "latest", "None", `${arn}:my-extension-arm64:7`]
  ])("set-layer.sh: %s", async (_, version, attached, layers) => {
    const { code, updates } = await script(["set-layer.sh", "my-function", "my-extension-arm64", version], { attached })
    assert.strictEqual(code, 0)
    assert.deepStrictEqual(updates, [`${update} ${layers} --query Layers[].Arn`])
  })

  it("set-variables.sh gives variables to a function that has none, with every sign of a value", async () => {
    const value = `a=b "c" 'd' $e \\ \n{f}`
    const { code, environment } = await script(["set-variables.sh", "my-function", `A=${value}`, "B="], {
      environment: "null"
    })
    assert.strictEqual(code, 0)
    assert.deepStrictEqual(environment, { Variables: { A: value, B: "" } })
  })

  it("set-variables.sh changes nothing if the variables of the function cannot be decrypted", async () => {
    const environment = '{"Error":{"ErrorCode":"AccessDeniedException","Message":"no kms:Decrypt"}}'
    const { code, updates } = await script(["set-variables.sh", "my-function", "A=b"], { environment })
    assert.strictEqual(code, 1)
    assert.deepStrictEqual(updates, [])
  })

  it.each([
    ["get-function-configuration", ["publish.sh"]],
    ["list-layer-versions", ["publish.sh"]],
    ["publish-layer-version", ["publish.sh"]],
    ["get-function-configuration", ["set-layer.sh", "my-function", "my-extension-arm64", "none"]],
    ["get-layer-version", ["set-layer.sh", "my-function", "my-extension-arm64", "5"]],
    ["get-function-configuration", ["set-variables.sh", "my-function", "A=b"]],
    ["get-secret-value", ["set-variables.sh", "my-function", "A={{resolve:secretsmanager:a}}"]]
  ] as const)("if %s fails, %j stops before it changes the function", async (failing, args) => {
    const { calls, code, updates } = await script(args, { failing })
    assert.strictEqual(code, 254)
    assert.isTrue(calls.some((call) => call.includes(failing)))
    assert.deepStrictEqual(updates, [])
  })
})

it("container image: the directory is copied to /opt", () => {
  const instructions = DockerfileParser.parse(template("Dockerfile")).getInstructions()
  assert.deepStrictEqual(
    instructions.map((instruction) => instruction.getKeyword()),
    ["FROM", "COPY", "COPY", "CMD"]
  )
  assert.strictEqual(instructions[1]?.getArgumentsContent(), '["dist/my-extension-arm64/", "/opt/"]')
  assert.strictEqual(instructions[0]?.getArgumentsContent(), "public.ecr.aws/lambda/nodejs:24")
})

it("Serverless Framework: the function refers to the layer's resource", () => {
  const { functions, layers } = parseYaml(template("serverless.yml")) as {
    readonly layers: Record<string, { readonly package: { readonly artifact: string } }>
    readonly functions: Record<string, { readonly layers: ReadonlyArray<{ readonly Ref: string }> }>
  }
  const resources = Object.keys(layers).map((name) => `${name.charAt(0).toUpperCase()}${name.slice(1)}LambdaLayer`)
  for (const { Ref } of functions["myFunction"]?.layers ?? assert.fail("no layers")) assert.include(resources, Ref)
  assert.deepStrictEqual(
    Object.values(layers).map((layer) => basename(layer.package.artifact)),
    ["my-extension-x64.zip", "my-extension-arm64.zip"]
  )
})
