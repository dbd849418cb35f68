#!/usr/bin/env bash
# Publishes the layer for both architectures and gives its newest version to a function of arm64.
set -euo pipefail
function=my-function

aws lambda publish-layer-version --layer-name my-extension-x64 \
  --zip-file fileb://dist/my-extension-x64.zip --compatible-architectures x86_64
aws lambda publish-layer-version --layer-name my-extension-arm64 \
  --zip-file fileb://dist/my-extension-arm64.zip --compatible-architectures arm64

# --layers replaces the whole list: what else the function has is kept.
layers=()
for layer in $(aws lambda get-function-configuration --function-name "$function" --query 'Layers[].Arn' --output text); do
  [[ $layer == None || $layer == *:layer:my-extension-arm64:* ]] || layers+=("$layer")
done
layers+=("$(aws lambda list-layer-versions --layer-name my-extension-arm64 --no-paginate \
  --query 'LayerVersions[0].LayerVersionArn' --output text)")
aws lambda update-function-configuration --function-name "$function" --layers "${layers[@]}"
aws lambda wait function-updated --function-name "$function"
