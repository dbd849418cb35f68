import * as cdk from "aws-cdk-lib"
import * as lambda from "aws-cdk-lib/aws-lambda"
import type { Construct } from "constructs"

class MyStack extends cdk.Stack {
  constructor(scope: Construct, id: string) {
    super(scope, id)

    const myExtensionX64 = new lambda.LayerVersion(this, "MyExtensionX64", {
      code: lambda.Code.fromAsset("dist/my-extension-x64.zip"),
      compatibleArchitectures: [lambda.Architecture.X86_64],
      removalPolicy: cdk.RemovalPolicy.RETAIN
    })
    const myExtensionArm64 = new lambda.LayerVersion(this, "MyExtensionArm64", {
      code: lambda.Code.fromAsset("dist/my-extension-arm64.zip"),
      compatibleArchitectures: [lambda.Architecture.ARM_64],
      removalPolicy: cdk.RemovalPolicy.RETAIN
    })

    const fn = new lambda.Function(this, "MyFunction", {
      code: lambda.Code.fromAsset("function"),
      handler: "handler.handler",
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64
    })
    fn.addLayers(myExtensionArm64)
    fn.addEnvironment("MY_EXTENSION_URL", "https://example.com")
    fn.addEnvironment("MY_EXTENSION_KEY", cdk.SecretValue.secretsManager("my-extension/key").unsafeUnwrap())
    new cdk.CfnOutput(this, "MyExtensionX64Arn", { value: myExtensionX64.layerVersionArn })
  }
}

new MyStack(new cdk.App(), "MyStack")
