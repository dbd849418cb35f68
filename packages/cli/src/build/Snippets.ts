/** Texts to paste that deploy the layers of a build: one for each tool, with the real names and paths. */
import * as NodePath from "node:path"
import process from "node:process"
import { maxUploadBytes } from "../layer/LayerLimits.ts"
import { word } from "../shared/Shell.ts"
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

/** The snippet of one tool for every layer of the build. */
export const render = (kind: Kind, { layers, name }: Pick<Built, "layers" | "name">): string =>
  [...(kind === "sam" ? ["Resources:"] : []), ...layers.map((layer) => texts[kind](factsOf(name, layer)))].join("\n")
