/** Texts to paste that deploy the layers of a build: one for each tool, with the real names and paths. */
import * as NodePath from "node:path"
import process from "node:process"
import { maxUploadBytes } from "../layer/LayerLimits.ts"
import { word } from "../shared/Shell.ts"
import type { LayerConfig, Variable } from "../project/LayerConfig.ts"
import type { Built, BuiltLayer } from "./Build.ts"

export const kinds = ["cli", "sam", "cdk", "terraform", "docker"] as const

export type Kind = (typeof kinds)[number]

/** Names that the tools of AWS give the architectures. */
const architectures = { x64: "x86_64", arm64: "arm64" } as const

/** The facts about a layer that the texts need. */
interface Facts {
  readonly arch: (typeof architectures)[keyof typeof architectures]
  readonly directory: string
  readonly zip: string
  /** The zip is too large for a request, so it is uploaded to S3 first. */
  readonly isLarge: boolean
  /** The name of the layer: letters, digits, - and _. */
  readonly name: string
  /** The name of a resource or a variable. */
  readonly id: string
}

/** Writes a path as it is written in the current folder. */
export const shown = (path: string): string => {
  const relative = NodePath.relative(process.cwd(), path)
  return relative.startsWith("..") ? path : relative || "."
}

const factsOf = (name: string, { arch, directory, zip }: BuiltLayer): Facts => {
  const layerName = `${name}-${arch}`.replaceAll(".", "-")
  return {
    arch: architectures[arch],
    directory: shown(directory),
    zip: shown(`${directory}.zip`),
    isLarge: zip !== undefined && zip.bytes > maxUploadBytes,
    name: layerName,
    id: layerName
      .split(/[^A-Za-z0-9]+/)
      .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
      .join("")
      .replace(/^\d/, "Layer$&")
  }
}

const cli = ({ arch, isLarge, name, zip }: Facts): string => {
  const content = isLarge
    ? `--content S3Bucket=$BUCKET,S3Key=${word(NodePath.basename(zip))}`
    : `--zip-file ${word(`fileb://${zip}`)}`
  return `${isLarge ? `aws s3 cp ${word(zip)} "s3://$BUCKET/"\n` : ""}aws lambda publish-layer-version --layer-name ${name} \\
  ${content} --compatible-architectures ${arch}`
}

const sam = ({ arch, id, name, zip }: Facts): string => `  ${id}:
    Type: AWS::Serverless::LayerVersion
    Properties:
      LayerName: ${name}
      ContentUri: ${JSON.stringify(zip)}
      CompatibleArchitectures: [${arch}]
      RetentionPolicy: Retain
  # In the function: Layers: [!Ref ${id}]`

const cdk = ({ arch, id, zip }: Facts): string => {
  const variable = id.charAt(0).toLowerCase() + id.slice(1)
  return `const ${variable} = new lambda.LayerVersion(this, "${id}", {
  code: lambda.Code.fromAsset(${JSON.stringify(zip)}),
  compatibleArchitectures: [lambda.Architecture.${arch === "arm64" ? "ARM_64" : "X86_64"}],
  removalPolicy: cdk.RemovalPolicy.RETAIN
})
// For the function: fn.addLayers(${variable})`
}

/** Terraform sends a file in a request; a zip that is too large for that goes to a bucket first. */
const terraform = ({ arch, isLarge, name, zip }: Facts): string => {
  const id = name.replaceAll("-", "_").replace(/^\d/, "layer_$&")
  const file = JSON.stringify(zip)
  const content = isLarge
    ? `  s3_bucket                = aws_s3_object.${id}.bucket
  s3_key                   = aws_s3_object.${id}.key`
    : `  filename                 = ${file}`
  const upload = `resource "aws_s3_object" "${id}" {
  bucket      = var.bucket
  key         = ${JSON.stringify(NodePath.basename(zip))}
  source      = ${file}
  source_hash = filebase64sha256(${file})
}
`
  return `${isLarge ? upload : ""}resource "aws_lambda_layer_version" "${id}" {
  layer_name               = "${name}"
${content}
  source_code_hash         = filebase64sha256(${file})
  compatible_architectures = ["${arch}"]
  skip_destroy             = true
}
# In the function: layers = [aws_lambda_layer_version.${id}.arn]`
}

/** A layer cannot be attached to a function that is an image. */
const docker = ({ arch, directory }: Facts): string =>
  `# ${arch}\nCOPY ${JSON.stringify([`${directory}/`, "/opt/"]).replaceAll(",", ", ")}`

const texts: Readonly<Record<Kind, (facts: Facts) => string>> = { cli, sam, cdk, terraform, docker }

type Variables = LayerConfig["variables"]

/** CloudFormation puts the text of the secret in place of this, so that no template has it. */
const resolved = (variable: Variable): string =>
  typeof variable === "string" ? variable : `{{resolve:secretsmanager:${variable.secret}}}`

const cliVariables = (variables: Variables): ReadonlyArray<string> => [
  "bash set-variables.sh my-function \\",
  ...Object.entries(variables).map(([name, variable], index, { length }) => {
    return `  ${word(`${name}=${resolved(variable)}`)}${index === length - 1 ? "" : " \\"}`
  })
]

const samVariables = (variables: Variables): ReadonlyArray<string> => [
  "Environment:",
  "  Variables:",
  ...Object.entries(variables).map(([name, variable]) => `    ${name}: ${JSON.stringify(resolved(variable))}`)
]

const cdkVariables = (variables: Variables): ReadonlyArray<string> =>
  Object.entries(variables).map(([name, variable]) => {
    const value =
      typeof variable === "string"
        ? JSON.stringify(variable)
        : `cdk.SecretValue.secretsManager(${JSON.stringify(variable.secret)}).unsafeUnwrap()`
    return `fn.addEnvironment("${name}", ${value})`
  })

const terraformId = (name: string): string => name.replaceAll(/\W/g, "_").replace(/^\d/, "secret_$&")

const terraformVariables = (variables: Variables): ReadonlyArray<string> => {
  const width = Math.max(...Object.keys(variables).map((name) => name.length))
  return [
    "environment {",
    "  variables = {",
    ...Object.entries(variables).map(([name, variable]) => {
      const value =
        typeof variable === "string"
          ? JSON.stringify(variable).replaceAll(/[$%](?=\{)/g, "$&$&")
          : `data.aws_secretsmanager_secret_version.${terraformId(variable.secret)}.secret_string`
      return `    ${name.padEnd(width)} = ${value}`
    }),
    "  }",
    "}"
  ]
}

/** An image has no wrapper: Lambda starts it as it is. */
const dockerVariables = (variables: Variables): ReadonlyArray<string> =>
  Object.keys(variables).filter((name) => name !== "AWS_LAMBDA_EXEC_WRAPPER")

const lines: Readonly<Record<Kind, (variables: Variables) => ReadonlyArray<string>>> = {
  cli: cliVariables,
  sam: samVariables,
  cdk: cdkVariables,
  terraform: terraformVariables,
  docker: dockerVariables
}

/** The lines that give a function its variables, for the place that {@link render} names. */
export const variablesOf = (kind: Kind, variables: Variables): ReadonlyArray<string> => lines[kind](variables)

/** Blocks that the lines of the variables refer to. */
const secretsOf = (kind: Kind, variables: Variables): ReadonlyArray<string> => {
  if (kind !== "terraform") return []
  const secrets = Object.values(variables).flatMap((variable) => (typeof variable === "string" ? [] : variable.secret))
  return [...new Set(secrets)].map(
    (secret) => `data "aws_secretsmanager_secret_version" "${terraformId(secret)}" {
  secret_id = ${JSON.stringify(secret)}
}`
  )
}

const places: Readonly<Record<Kind, string>> = {
  cli: "# To set the variables of the function and keep its others, by the script in docs/deploying.md:",
  sam: "  # In the properties of the function:",
  cdk: "// For the function:",
  terraform: "# In the function:",
  docker: "# Variables in the configuration of the function, and not in the image:"
}

/** The lines are comments, since they belong to a function, which a snippet of layers does not have. */
const commented = (kind: Kind, variables: Variables): ReadonlyArray<string> => {
  if (Object.keys(variables).length === 0) return []
  const place = places[kind]
  const sign = place.slice(0, place.search(/[#/] /) + 1)
  return [...secretsOf(kind, variables), place, ...variablesOf(kind, variables).map((line) => `${sign}   ${line}`)]
}

/** The snippet of one tool for every layer of the build, with the variables that the function needs. */
export const render = (
  kind: Kind,
  { layers, name, variables }: Pick<Built, "layers" | "name"> & Pick<LayerConfig, "variables">
): string =>
  [
    ...(kind === "sam" ? ["Resources:"] : []),
    ...layers.map((layer) => texts[kind](factsOf(name, layer))),
    ...commented(kind, variables)
  ].join("\n")
