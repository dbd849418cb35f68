#!/usr/bin/env bash
# Publishes the layer for both architectures and gives its newest version to a function of arm64.
set -euo pipefail

aws lambda publish-layer-version --layer-name my-extension-x64 \
  --zip-file fileb://dist/my-extension-x64.zip --compatible-architectures x86_64
aws lambda publish-layer-version --layer-name my-extension-arm64 \
  --zip-file fileb://dist/my-extension-arm64.zip --compatible-architectures arm64

bash "$(dirname "$0")/set-layer.sh" my-function my-extension-arm64 latest
bash "$(dirname "$0")/set-variables.sh" my-function \
  MY_EXTENSION_URL=https://example.com \
  'MY_EXTENSION_KEY={{resolve:secretsmanager:my-extension/key}}'
