terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
    archive = {
      source = "hashicorp/archive"
    }
  }
}

resource "aws_lambda_layer_version" "my_extension_x64" {
  layer_name               = "my-extension-x64"
  filename                 = "dist/my-extension-x64.zip"
  source_code_hash         = filebase64sha256("dist/my-extension-x64.zip")
  compatible_architectures = ["x86_64"]
  skip_destroy             = true
}
resource "aws_lambda_layer_version" "my_extension_arm64" {
  layer_name               = "my-extension-arm64"
  filename                 = "dist/my-extension-arm64.zip"
  source_code_hash         = filebase64sha256("dist/my-extension-arm64.zip")
  compatible_architectures = ["arm64"]
  skip_destroy             = true
}

resource "aws_lambda_function" "my_function" {
  function_name    = "my-function"
  role             = aws_iam_role.my_function.arn
  filename         = data.archive_file.my_function.output_path
  source_code_hash = data.archive_file.my_function.output_base64sha256
  handler          = "handler.handler"
  runtime          = "nodejs24.x"
  architectures    = ["arm64"]
  layers           = [aws_lambda_layer_version.my_extension_arm64.arn]
  environment {
    variables = {
      MY_EXTENSION_URL = "https://example.com"
      MY_EXTENSION_KEY = data.aws_secretsmanager_secret_version.my_extension_key.secret_string
    }
  }
}

data "aws_secretsmanager_secret_version" "my_extension_key" {
  secret_id = "my-extension/key"
}

data "archive_file" "my_function" {
  type        = "zip"
  source_dir  = "function"
  output_path = "dist/function.zip"
}

resource "aws_iam_role" "my_function" {
  name = "my-function"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "my_function_logs" {
  role       = aws_iam_role.my_function.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

output "my_extension_x64_arn" {
  value = aws_lambda_layer_version.my_extension_x64.arn
}
