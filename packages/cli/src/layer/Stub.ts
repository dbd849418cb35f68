/**
 * The entry of a layer, `extensions/<name>`: a bash script that registers before any JavaScript is loaded and then
 * becomes the program.
 *
 * Lambda starts the function's runtime only when every extension has registered, so what lies before register is part of
 * every cold start. The stub hands its registration over in the variables of `PreRegistration` of
 * `@effect-lambda/extension-node`; where it has none, the program registers itself.
 *
 * It opens the connection too over which the program will poll, and leaves it open: the program's first request leaves
 * before Node has loaded its network modules.
 *
 * It needs bash 4.2 with `/dev/tcp`, starts no process and writes no file (bash writes here-documents to files), and
 * waits for the answer for three seconds at most. Only the two connects have no limit, since bash has none for them:
 * Lambda's address is on the same machine, which accepts or refuses at once.
 */

/**
 * What runs the program: `managed` is `/var/lang/bin/node`, the Node of Lambda's Node runtimes; `node` is
 * `<name>/bin/node` of the layer; `auto` is the former where it can be started, otherwise the latter; with `bun` the
 * program is `<name>/bin/<name>`.
 */
export type Runtime = "managed" | "node" | "auto" | "bun"

export type EventType = "INVOKE" | "SHUTDOWN"

export interface Options {
  /** Name of the file in `extensions/`, and of the directory with the program. */
  readonly name: string
  /** What to register for. On managed instances INVOKE is left out, since Lambda refuses it there. */
  readonly events: ReadonlyArray<EventType>
  readonly runtime: Runtime
}

/** As one word of a shell. */
export const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

const incomplete = "the layer is incomplete or built for another architecture"

/** Tries one runtime after the other. */
const launchNode = (candidates: string, advice: string): string => `
runtimes=(${candidates})
[[ -z $EFFECT_LAMBDA_NODE ]] || runtimes=("$EFFECT_LAMBDA_NODE")
for runtime in "\${runtimes[@]}"; do
  [[ ! -f $runtime || ! -x $runtime ]] || exec "$runtime" "$program/index.cjs"
done
echo "effect-lambda: $name: no runtime can be started, tried \${runtimes[*]}: ${advice}" >&2
exit 1
`

const launch = (name: string, runtime: Runtime): string => {
  switch (runtime) {
    case "managed":
      return launchNode(
        "/var/lang/bin/node",
        "this function's runtime has no Node, build the layer with --runtime auto or node"
      )
    case "node":
      return launchNode(`"$program/bin/node"`, incomplete)
    case "auto":
      return launchNode(`/var/lang/bin/node "$program/bin/node"`, incomplete)
    case "bun":
      return `
exec "$program/bin/"${quote(name)}
echo "effect-lambda: $name: $program/bin/"${quote(name)}" cannot be started: ${incomplete}" >&2
exit 1
`
  }
}

/**
 * A connection that the program sends its first request over, before it has loaded what opens one. Bun has no use for it.
 *
 * `command`: without it a failure would end the script where POSIXLY_CORRECT is set.
 */
const handOverConnection = (runtime: Runtime): string =>
  runtime === "bun"
    ? ""
    : `
  if { command exec 3<>"/dev/tcp/$host/$port"; } 2>/dev/null; then export EFFECT_LAMBDA_API_DESCRIPTOR=3; fi`

/** The text of the entry. ASCII, since bash reads it in the locale of the function. */
export const render = ({ events, name, runtime }: Options): string => {
  const managedEvents = events.filter((event) => event !== "INVOKE")
  return `#!/bin/bash -p
# Registers this extension with Lambda before any JavaScript is loaded, then becomes the program.
# Made by effect-lambda. -p: BASH_ENV and shell functions of the function's environment do not count here.

name=\${0##*/}
if [[ $0 == */* ]]; then program=\${0%/*}/..; else program=..; fi
program+=/${quote(name)}
[[ $name == ${quote(name)} ]] || echo "effect-lambda: this file is called $name but was built as "${quote(name)}", it registers as $name" >&2

events=${quote(events.join())} body=${quote(JSON.stringify({ events }))}
if [[ $AWS_LAMBDA_INITIALIZATION_TYPE == lambda-managed-instances ]]; then
  events=${quote(managedEvents.join())} body=${quote(JSON.stringify({ events: managedEvents }))}
fi

# Talks to Lambda on descriptor 3, in the C locale, where bash counts and keeps bytes.
register() {
  local LC_ALL=C deadline=$((SECONDS + 2)) left line key length=
  printf '%s\\r\\n' 'POST /2020-01-01/extension/register HTTP/1.1' "Host: $AWS_LAMBDA_RUNTIME_API" 'Connection: close' \\
    'Content-Type: application/json' "Content-Length: \${#body}" "Lambda-Extension-Name: $name" \\
    'Lambda-Extension-Accept-Feature: accountId' '' >&3
  printf %s "$body" >&3
  problem='no answer to register'
  while ((left = deadline - SECONDS, left > 0)) && IFS= read -r -t "$left" -u 3 line; do
    line=\${line%$'\\r'}
    if [[ -z $status ]]; then
      [[ $line =~ ^HTTP/1\\.[01]\\ ([0-9]{3})(\\ |$) ]] || { problem='the answer to register is not HTTP'; return; }
      status=\${BASH_REMATCH[1]} problem='the answer to register has no identifier'
      continue
    fi
    [[ -n $line ]] || break
    key=\${line%%:*}
    case \${key,,} in
      lambda-extension-identifier) identifier=\${line#*:} identifier=\${identifier//[[:space:]]/} ;;
      content-length) length=\${line#*:} length=\${length//[[:space:]]/} ;;
    esac
  done
  # Read by its length: the server may keep the connection open. Left out where the environment could not hold it or the
  # length is not known; the identifier is what counts.
  if ((left = deadline - SECONDS, left > 0)) && [[ $length =~ ^[0-9]{1,5}$ ]]; then
    IFS= read -r -N "$((10#$length))" -t "$left" -u 3 response
  fi
  [[ -z $status || $status == 200 ]] && return
  problem="register was refused with $status"
  [[ $response =~ \\"errorType\\":\\ *\\"([A-Za-z.]+)\\" ]] && problem+=" \${BASH_REMATCH[1]}"
}

# The hand-over, by the variables that PreRegistration.ts reads. What the function's environment says there is wrong.
unset EFFECT_LAMBDA_EXTENSION_IDENTIFIER EFFECT_LAMBDA_EXTENSION_EVENTS EFFECT_LAMBDA_REGISTER_RESPONSE EFFECT_LAMBDA_API_DESCRIPTOR
export EFFECT_LAMBDA_EXTENSION_NAME=$name
status= identifier= response= problem=
if [[ $AWS_LAMBDA_RUNTIME_API =~ ^(\\[[0-9A-Fa-f:.]+\\]|[^][/:[:space:]]+)(:([0-9]{1,5}))?$ ]]; then
  host=\${BASH_REMATCH[1]//[\\[\\]]/} port=\${BASH_REMATCH[3]:-80} problem='no connection to Lambda'
  # A server that closes at once must not end this process; the program gets the signal back.
  trap '' PIPE
  { register 3<>"/dev/tcp/$host/$port"; } 2>/dev/null
  trap - PIPE
fi
if [[ $status == 200 && $identifier =~ ^[0-9A-Za-z-]{1,100}$ ]]; then
  export EFFECT_LAMBDA_EXTENSION_IDENTIFIER=$identifier EFFECT_LAMBDA_EXTENSION_EVENTS=$events
  export EFFECT_LAMBDA_REGISTER_RESPONSE=$response${handOverConnection(runtime)}
elif [[ -n $problem ]]; then
  echo "effect-lambda: $name: $problem ($AWS_LAMBDA_RUNTIME_API); the program registers itself" >&2
fi

# What loads foreign code into the program goes; NODE_EXTRA_CA_CERTS stays, it loads none and sinks may need it.
unset NODE_OPTIONS BUN_OPTIONS BUN_BE_BUN
shopt -s execfail${launch(name, runtime)}`
}

/**
 * The entry for images without bash: Node itself, and the program registers when it runs. With `node` it is the layer's
 * own Node, found only where the layer is mounted at `/opt`.
 *
 * NODE_OPTIONS has taken effect before the first line: a module that it requires runs in this process, and one that is
 * missing ends it. All that can be done is to keep it from child processes.
 */
export const renderNode = ({
  name,
  runtime
}: {
  readonly name: string
  readonly runtime: "managed" | "node"
}): string =>
  `#!${runtime === "node" ? `/opt/${name}/bin/node` : "/usr/bin/env node"}
// Starts this extension, which registers itself. Made by effect-lambda.
delete process.env.NODE_OPTIONS
// Works in both kinds of modules, whatever package.json lies above.
import(${JSON.stringify(`../${name}/index.cjs`)})
`
