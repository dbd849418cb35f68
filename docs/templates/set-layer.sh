#!/usr/bin/env bash
# Gives a function a version of a layer, or takes the layer off it; its other layers stay as they are.
#   bash set-layer.sh FUNCTION LAYER latest|none|VERSION_NUMBER
set -euo pipefail
function=$1 layer=$2 version=$3

# --layers replaces the whole list, so a list that could not be read would remove every layer. The list is assigned first:
# a failure there ends the script, and a failure in `for arn in $(aws …)` does not.
attached=$(aws lambda get-function-configuration --function-name "$function" --query 'Layers[].Arn' --output text)
case $version in
  none) wanted= ;;
  latest)
    wanted=$(aws lambda list-layer-versions --layer-name "$layer" --no-paginate \
      --query 'LayerVersions[0].LayerVersionArn' --output text)
    ;;
  *)
    wanted=$(aws lambda get-layer-version --layer-name "$layer" --version-number "$version" \
      --query LayerVersionArn --output text)
    ;;
esac
if [[ $version != none && $wanted != arn:* ]]; then
  echo "the layer $layer has no version $version; nothing is changed" >&2
  exit 1
fi

layers=()
for arn in $attached; do
  if [[ $arn == *:layer:$layer:* ]]; then
    # The layer keeps its place, since the later of two layers with the same file counts.
    if [[ -n $wanted ]]; then layers+=("$wanted"); fi
    wanted=
  elif [[ $arn != None ]]; then
    layers+=("$arn")
  fi
done
if [[ -n $wanted ]]; then layers+=("$wanted"); fi
# The CLI writes an empty list as [].
if ((${#layers[@]} == 0)); then layers=("[]"); fi

echo "layers of $function, before: $attached" >&2
aws lambda update-function-configuration --function-name "$function" --layers "${layers[@]}" --query 'Layers[].Arn'
aws lambda wait function-updated --function-name "$function"
