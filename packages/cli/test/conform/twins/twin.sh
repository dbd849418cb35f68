#!/usr/bin/env bash
# The twin in bash: it does everything right, and with TWIN a single thing wrong. It has no telemetry.
set -u
name=$(basename "$0")
host=${AWS_LAMBDA_RUNTIME_API%:*}
port=${AWS_LAMBDA_RUNTIME_API#*:}

# Sends a request, and leaves status, identifier and body in variables; fails without a whole answer.
ask() {
  local method=$1 path=$2 header=$3 sent=${4-} line length=0
  exec 3<>"/dev/tcp/$host/$port" || return 1
  printf '%s /2020-01-01/extension%s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s' \
    "$method" "$path" "$header" "${#sent}" "$sent" >&3
  IFS=' ' read -r _ status _ <&3 || return 1
  while IFS= read -r line <&3 && line=${line%$'\r'} && [ -n "$line" ]; do
    case ${line,,} in
      content-length:*) length=$((${line#*:})) ;;
      lambda-extension-identifier:*) identifier=${line#*: } ;;
    esac
  done
  IFS= read -r -d '' -N "$length" body <&3 || [ "${#body}" = "$length" ] || return 1
  exec 3<&-
}

[ "${TWIN-}" = crash-at-init ] && exit 0
[ "${TWIN-}" = starts-node ] && { node -e 0 || exit 1; }
ask POST /register "Lambda-Extension-Name: $name" '{"events":["INVOKE","SHUTDOWN"]}'
while :; do
  if ! ask GET /event/next "Lambda-Extension-Identifier: $identifier" 2>/dev/null || [ "$status" != 200 ]; then
    [ "${TWIN-}" = exit-at-403 ] && [ "$status" = 403 ] && exit 1
    sleep 0.1
    continue
  fi
  case $body in
    *'"eventType":"SHUTDOWN"'*)
      [ "${TWIN-}" = hang-at-shutdown ] && sleep 1000
      exit 0
      ;;
    *'"eventType":"INVOKE"'*) [ "${TWIN-}" = no-next ] && sleep 1000 ;;
  esac
done
