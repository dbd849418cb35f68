#!/usr/bin/env bash
# Gives a function variables; its other variables stay as they are.
#   bash set-variables.sh FUNCTION NAME=VALUE...
# The value '{{resolve:secretsmanager:SECRET}}' is the text of a secret, which no command line and no output shows.
set -euo pipefail
function=$1
shift

wanted=()
for variable in "$@"; do
  value=${variable#*=}
  if [[ $value =~ ^\{\{resolve:secretsmanager:([^:}]+)\}\}$ ]]; then
    value=$(aws secretsmanager get-secret-value --secret-id "${BASH_REMATCH[1]}" --query SecretString --output text)
  fi
  wanted+=("${variable%%=*}" "$value")
done

# --environment replaces all variables, so the script reads them first. A caller that may not decrypt them gets an Error.
environment=$(aws lambda get-function-configuration --function-name "$function" --query Environment --output json)
environment=$(printf '%s\0' "$environment" "${wanted[@]}" | node -e '
  const [environment, ...wanted] = require("node:fs").readFileSync(0, "utf8").split("\0").slice(0, -1)
  const { Error: error, Variables = {} } = JSON.parse(environment) ?? {}
  if (error) throw new Error(`the variables cannot be read, nothing is changed: ${error.Message}`)
  for (let i = 0; i < wanted.length; i += 2) Variables[wanted[i]] = wanted[i + 1]
  console.log(JSON.stringify({ Variables }))
')

aws lambda update-function-configuration --function-name "$function" --environment file:///dev/stdin \
  --query LastUpdateStatus --output text <<< "$environment"
aws lambda wait function-updated --function-name "$function"
