/**
 * The entry of a layer, `extensions/<name>`: a bash script that registers before any JavaScript is loaded and then
 * becomes the program.
 *
 * Lambda starts the function's runtime only when every extension has registered, so everything before register is part of
 * every cold start. The stub hands its registration over in the variables of `PreRegistration` of
 * `@effect-lambda/extension-node`. If it has no registration, the program registers itself.
 *
 * The stub also opens the connection over which the program will poll, and leaves it open: the program's first request
 * leaves before Node has loaded its network modules.
 *
 * The stub runs on bash 3.2 (the bash of macOS) and newer with `/dev/tcp`, starts no process and writes no file (bash writes
 * here-documents to files). The wait for the answer to register lasts as long as init may last: Lambda may answer late, and
 * refuses a second register. The two connects have no limit, since bash has none for them: Lambda's address is on the same
 * machine, which accepts or refuses at once.
 */
import { quote } from "../../shared/Shell.ts"

/**
 * The runtime of the program: `managed` is `/var/lang/bin/node`, the Node of Lambda's Node runtimes; `node` is
 * `<name>/bin/node` of the layer; `auto` is the former if it can be started, otherwise the latter; with `bun` the
 * program is `<name>/bin/<name>`; with `llrt` it is `<name>/bin/llrt` with `<name>/index.mjs`.
 */
export type Runtime = "managed" | "node" | "auto" | "bun" | "llrt"

export type EventType = "INVOKE" | "SHUTDOWN"

/** `eager`: the stub also sends the first next. `ready`: the program sends it when it has come up. */
export type Start = "eager" | "ready"

/** The longest init, in seconds: inside an invocation it has the function's timeout, which is 15 minutes at most. */
const longestInit = 900

/** The wait for the answer to the subscription, in seconds. */
const longestSubscription = 2

/** The wait for the answer to the report of a failure, in seconds. */
const longestReport = 1

/** Lambda answers with a handful of lines of less than 100 characters. */
const maximumLine = 8192
const maximumLines = 1000

export interface Options {
  /** The name of the file in `extensions/`, and of the directory with the program. */
  readonly name: string
  /** The events to register for. On managed instances INVOKE is left out, since Lambda refuses it there. */
  readonly events: ReadonlyArray<EventType>
  readonly runtime: Runtime
  /** Default: `ready`. */
  readonly start?: Start
  /** The body of a subscription to telemetry, in ASCII, that the stub makes before the first next. Default: none. */
  readonly subscription?: string | undefined
  /** The wait for the answer to register, in seconds. Default: as long as init may last. */
  readonly waitSeconds?: number
}

const incomplete = "the layer is incomplete or built for another architecture"

/** The host and the port of Lambda's address, for bash. */
const addressPattern = `address='^(\\[[0-9A-Fa-f:.]+\\]|[^][/:[:space:]]+)(:([0-9]{1,5}))?$'`

/**
 * The end of a stub that can start no program: one FATAL line, and a report to Lambda with the reason. Bash reads a script
 * command by command, so a stub that becomes its program has not read this.
 */
const failing = (problem: string): string => `
# Reports on descriptor 3 why this extension ends. The answer only says that Lambda has it.
report() {
  printf '%s\\r\\n' "POST /2020-01-01/extension/$route HTTP/1.1" "Host: $AWS_LAMBDA_RUNTIME_API" 'Connection: close' \\
    'Content-Type: application/json' "Content-Length: \${#body}" "Lambda-Extension-Identifier: $EFFECT_LAMBDA_EXTENSION_IDENTIFIER" \\
    'Lambda-Extension-Function-Error-Type: Extension.LoadError' '' >&3
  printf %s "$body" >&3
  IFS= read -r -n ${maximumLine} -t ${longestReport} -u 3 body
}

# For Lambda init has ended with the first next.
fail() {
  local LC_ALL=C message="effect-lambda: \${1//[[:cntrl:]]/ }" route=init/error body ${addressPattern}
  if [[ -n $EFFECT_LAMBDA_NEXT_SENT ]]; then
    route=exit/error message+='; the first next was sent, so an invocation fails instead of init'
  fi
  message=\${message//\\\\/\\\\\\\\}
  message=\${message//\\"/\\\\\\"}
  echo '{"level":"FATAL","message":"'"$message"'"}' >&2
  body='{"errorMessage":"'$message'","errorType":"Extension.LoadError","stackTrace":[]}'
  [[ -n $EFFECT_LAMBDA_EXTENSION_IDENTIFIER && $AWS_LAMBDA_RUNTIME_API =~ $address ]] || exit 1
  trap '' PIPE
  { report 3<>"/dev/tcp/\${BASH_REMATCH[1]//[\\[\\]]/}/\${BASH_REMATCH[3]:-80}"; } 2>/dev/null
  exit 1
}
fail "$1: ${problem}"
`

/**
 * Bounds V8's young generation beside a small function, as Lambda's own runtimes of Node do. V8 looks at the memory of the
 * machine, and lets it grow to 48 MB where that is large; beside a function of 512 MB or more it may. V8 takes a code cache with
 * this flag too.
 */
const youngGeneration = `
# The new objects of a small function's extension have a small part of its memory.
case $AWS_LAMBDA_FUNCTION_MEMORY_SIZE in
  [1-4][0-9][0-9]) set -- "$1" "$2" --max-semi-space-size=$((AWS_LAMBDA_FUNCTION_MEMORY_SIZE / 32)) ;;
  *) set -- "$1" "$2" "" ;;
esac`

/** Tries a runtime after the other. `$1` is the name of the extension, `$2` the folder of its program, `$3` a flag or nothing. */
const launchNode = (candidates: string, advice: string): string => `${youngGeneration}
set -- "$1" "$2" "$3" ${candidates}
[[ -z $EFFECT_LAMBDA_NODE ]] || set -- "$1" "$2" "$3" "$EFFECT_LAMBDA_NODE"
[[ ! -f $4 || ! -x $4 ]] || exec "$4" \${3:+"$3"} "$2/index.cjs"
[[ ! -f $5 || ! -x $5 ]] || exec "$5" \${3:+"$3"} "$2/index.cjs"
${failing(`no runtime can be started, tried \${*:4}: ${advice}`)}`

/**
 * The settings of LLRT, for any shell; `$1` is the name of the extension. LLRT does not start if it cannot open the file of
 * certificates, and reads a folder for ever. `1.3` means 1.2 too, which it would offer alone. JavaScript has the main thread,
 * so one more thread is enough for the sockets; LLRT would start one for each processor.
 *
 * LLRT reads and writes JSON by recursion on the stack of the main thread, and 8 MB are too few for what fits in a line of a
 * function's log. A larger stack costs memory only where it is used.
 */
export const llrtSettings = `
if [ -f "$NODE_EXTRA_CA_CERTS" ] && [ -r "$NODE_EXTRA_CA_CERTS" ]; then
  export LLRT_EXTRA_CA_CERTS="$NODE_EXTRA_CA_CERTS"
elif [ -n "$NODE_EXTRA_CA_CERTS" ]; then
  echo "effect-lambda: $1: NODE_EXTRA_CA_CERTS does not count: $NODE_EXTRA_CA_CERTS is no file that can be read" >&2
fi
ulimit -S -s 65536 2>/dev/null
export LLRT_TLS_VERSION=1.3 LLRT_GC_THRESHOLD_MB=4 TOKIO_WORKER_THREADS=1`

/** LLRT takes over no descriptor. A process that it starts reads the standard input for it, so the connection comes there. */
const handOverInput = `[[ -z $EFFECT_LAMBDA_NEXT_SENT ]] || exec "$2/bin/llrt" "$2/index.mjs" <&3 3<&-
`

const launch = ({ name, runtime, start = "ready" }: Options): string => {
  switch (runtime) {
    case "managed":
      return launchNode(
        "/var/lang/bin/node",
        "this function's runtime has no Node, build the layer with --runtime auto or node"
      )
    case "node":
      return launchNode(`"$2/bin/node"`, incomplete)
    case "auto":
      return launchNode(`/var/lang/bin/node "$2/bin/node"`, incomplete)
    case "bun":
      return `
exec "$2/bin/"${quote(name)}
${failing(`$2/bin/"${quote(name)}" cannot be started: ${incomplete}`)}`
    case "llrt":
      // With _HANDLER LLRT takes itself for the runtime of the function.
      return `
unset _HANDLER \${!LLRT_@}${llrtSettings}
${start === "eager" ? handOverInput : ""}exec "$2/bin/llrt" "$2/index.mjs"
${failing(`$2/bin/llrt cannot be started: ${incomplete}`)}`
  }
}

/**
 * Opens the connection for the program's first request, before the program has loaded the modules that open one. Bun has
 * no use for it, and LLRT only if it has been written to. With `eager` the first next leaves here, and the program reads its
 * answer from the connection.
 *
 * On managed instances nothing is eager: no request waits for init there, and Lambda's code for them sends no batch of
 * telemetry a second time.
 *
 * `command` keeps a failure from ending the script if POSIXLY_CORRECT is set.
 */
const handOverConnection = ({ runtime, start = "ready", subscription }: Options): string => {
  if (runtime === "bun") return ""
  const isLlrt = runtime === "llrt"
  const open = `{ command exec 3<>"/dev/tcp/$host/$port"; } 2>/dev/null`
  if (start === "ready") {
    return isLlrt
      ? ""
      : `
    if ${open}; then export EFFECT_LAMBDA_API_DESCRIPTOR=3; fi`
  }
  const prepared = `
    [[ $AWS_LAMBDA_INITIALIZATION_TYPE != lambda-managed-instances${isLlrt ? " && -x /bin/cat" : ""} ]] && eager=1
    trap '' PIPE${subscription === undefined ? "" : subscribeFirst(subscription)}`
  if (isLlrt) {
    return `${prepared}
    # The program reads the answer from its standard input: an event that comes earlier waits in the connection.
    if [[ -n $eager ]] && ${open} && { poll; } 2>/dev/null; then
      export EFFECT_LAMBDA_API_DESCRIPTOR=0 EFFECT_LAMBDA_NEXT_SENT=1
    fi
    trap - PIPE`
  }
  return `${prepared}
    if ${open}; then
      export EFFECT_LAMBDA_API_DESCRIPTOR=3
      # The program reads the answer: an event that comes earlier waits in the connection.
      if [[ -n $eager ]] && { poll; } 2>/dev/null; then export EFFECT_LAMBDA_NEXT_SENT=1; fi
    fi
    trap - PIPE`
}

/** Without a subscription the stub does not poll, since Lambda takes no subscription when init is over. */
const subscribeFirst = (subscription: string): string => `
    local answer= subscription=${quote(subscription)}
    if [[ -n $eager ]]; then
      { subscribe 3<>"/dev/tcp/$host/$port"; } 2>/dev/null
      case $answer in
        200) export EFFECT_LAMBDA_TELEMETRY_SUBSCRIPTION=$subscription ;;
        202) ;; # An emulator without telemetry.
        *)
          eager=
          echo "effect-lambda: $name: the subscription to telemetry failed (\${answer:-no answer}); the program subscribes and polls itself" >&2
          ;;
      esac
    fi`

const poll = `
# Tells Lambda on descriptor 3 that this extension has ended its init, and asks for the first event.
poll() {
  printf '%s\\r\\n' 'GET /2020-01-01/extension/event/next HTTP/1.1' "Host: $AWS_LAMBDA_RUNTIME_API" \\
    "Lambda-Extension-Identifier: $identifier" '' >&3
}
`

const subscribe = `
# Subscribes to telemetry on descriptor 3, as the program did in the build. Lambda tries deliveries again until it listens.
subscribe() {
  local line statusLine='^HTTP/1\\.[01] ([0-9]{3})( |$)'
  printf '%s\\r\\n' 'PUT /2022-07-01/telemetry HTTP/1.1' "Host: $AWS_LAMBDA_RUNTIME_API" 'Connection: close' \\
    'Content-Type: application/json' "Content-Length: \${#subscription}" "Lambda-Extension-Identifier: $identifier" '' >&3
  printf %s "$subscription" >&3
  IFS= read -r -n ${maximumLine} -t ${longestSubscription} -u 3 line && [[ $line =~ $statusLine ]] && answer=\${BASH_REMATCH[1]}
}
`

/** The functions of a stub that is eager. */
const eagerFunctions = ({ runtime, start, subscription }: Options): string => {
  if (runtime === "bun" || start !== "eager") return ""
  return subscription === undefined ? poll : subscribe + poll
}

/** The text of the entry, in ASCII, since bash reads it in the locale of the function. */
export const render = (options: Options): string => {
  const { events, name, waitSeconds = longestInit } = options
  const managedEvents = events.filter((event) => event !== "INVOKE")
  return `#!/bin/bash -p
# Registers this extension with Lambda before any JavaScript is loaded, then becomes the program.
# Made by effect-lambda. With -p, BASH_ENV and shell functions of the function's environment do not count here.
# Variables are local, and the rest is in $1 and $2: a variable of the function that is called "name" keeps its value.

# Talks to Lambda on descriptor 3. The wait for the answer lasts as long as init may last: Lambda refuses a second register.
register() {
  local deadline=$((SECONDS + ${waitSeconds})) left line length= lines=0 bytes=-n
  # The patterns are in variables, since bash 3.2 reads such patterns only there.
  local statusLine='^HTTP/1\\.[01] ([0-9]{3})( |$)' shortLength='^[0-9]{1,5}$' errorType='"errorType": *"([A-Za-z.]+)"'
  printf '%s\\r\\n' 'POST /2020-01-01/extension/register HTTP/1.1' "Host: $AWS_LAMBDA_RUNTIME_API" 'Connection: close' \\
    'Content-Type: application/json' "Content-Length: \${#body}" "Lambda-Extension-Name: $name" \\
    'Lambda-Extension-Accept-Feature: accountId' '' >&3
  printf %s "$body" >&3
  problem='no answer to register'
  while ((left = deadline - SECONDS, left > 0)) && IFS= read -r -n ${maximumLine} -t "$left" -u 3 line; do
    ((\${#line} < ${maximumLine} && ++lines < ${maximumLines})) || { problem='the answer to register is not HTTP'; return; }
    line=\${line%$'\\r'}
    if [[ -z $status ]]; then
      [[ $line =~ $statusLine ]] || { problem='the answer to register is not HTTP'; return; }
      status=\${BASH_REMATCH[1]} problem='the answer to register has no identifier'
      shopt -s nocasematch
      continue
    fi
    [[ -n $line ]] || break
    case \${line%%:*} in
      lambda-extension-identifier) identifier=\${line#*:} identifier=\${identifier//[[:space:]]/} ;;
      content-length) length=\${line#*:} length=\${length//[[:space:]]/} ;;
    esac
  done
  # Reads the body by its length, since the server may keep the connection open. The body is left out if its length is not
  # known or the environment could not hold it: only the identifier has to be there. Bash 5 reads -N at once, and not byte by
  # byte.
  if [[ $length =~ $shortLength ]] && length=$((10#$length)) && ((length > 0)); then
    ((BASH_VERSINFO < 5)) || bytes=-N
    IFS= read -r -d '' "$bytes" "$length" -t 2 -u 3 response
  fi
  [[ -z $status || $status == 200 ]] && return
  problem="register was refused with $status"
  [[ $response =~ $errorType ]] && problem+=" \${BASH_REMATCH[1]}"
}
${eagerFunctions(options)}
# Hands over by the variables that PreRegistration.ts reads, and removes those that the function's environment has. In the C
# locale bash counts and keeps bytes.
hand_over() {
  local LC_ALL=C name=$1 events=${quote(events.join())} body=${quote(JSON.stringify({ events }))}
  local status= identifier= response= problem= eager= host port ${addressPattern}
  if [[ $AWS_LAMBDA_INITIALIZATION_TYPE == lambda-managed-instances ]]; then
    events=${quote(managedEvents.join())} body=${quote(JSON.stringify({ events: managedEvents }))}
  fi
  [[ $name == ${quote(name)} ]] || echo "effect-lambda: this file is called $name but was built as "${quote(name)}", it registers as $name" >&2
  unset EFFECT_LAMBDA_EXTENSION_IDENTIFIER EFFECT_LAMBDA_EXTENSION_EVENTS EFFECT_LAMBDA_REGISTER_RESPONSE EFFECT_LAMBDA_API_DESCRIPTOR EFFECT_LAMBDA_NEXT_SENT \\
    EFFECT_LAMBDA_TELEMETRY_SUBSCRIPTION
  export EFFECT_LAMBDA_EXTENSION_NAME=$name
  if [[ $AWS_LAMBDA_RUNTIME_API =~ $address ]]; then
    host=\${BASH_REMATCH[1]//[\\[\\]]/} port=\${BASH_REMATCH[3]:-80} problem='no connection to Lambda'
    # A server that closes at once must not end this process; the program gets the signal back.
    trap '' PIPE
    { register 3<>"/dev/tcp/$host/$port"; } 2>/dev/null
    shopt -u nocasematch
    trap - PIPE
  fi
  # A regular expression with so many repetitions takes longer than the rest of this script.
  if [[ $status == 200 && -n $identifier && \${#identifier} -le 100 && $identifier != *[!0-9A-Za-z-]* ]]; then
    export EFFECT_LAMBDA_EXTENSION_IDENTIFIER=$identifier EFFECT_LAMBDA_EXTENSION_EVENTS=$events
    export EFFECT_LAMBDA_REGISTER_RESPONSE=$response${handOverConnection(options)}
  elif [[ -n $problem ]]; then
    echo "effect-lambda: $name: $problem ($AWS_LAMBDA_RUNTIME_API); the program registers itself" >&2
  fi
}

if [[ $0 == */* ]]; then set -- "\${0##*/}" "\${0%/*}/../"${quote(name)}; else set -- "$0" ../${quote(name)}; fi
hand_over "$1"

# Removes variables that load foreign code into the program. NODE_EXTRA_CA_CERTS stays: it loads none, and sinks may need
# it. Node would take the descriptor in NODE_CHANNEL_FD for that of a parent process, and 3 is the connection.
unset NODE_OPTIONS BUN_OPTIONS BUN_BE_BUN LD_PRELOAD LD_AUDIT NODE_CHANNEL_FD NODE_CHANNEL_SERIALIZATION_MODE
shopt -s execfail${launch(options)}`
}

/**
 * The entry for images without bash: Node itself, and the program registers when it runs. With `node` the entry names the
 * Node in the layer, which is found only if the layer is mounted at `/opt`.
 *
 * NODE_OPTIONS has taken effect before the first line: a module that it requires runs in this process, and a missing module
 * ends it. The entry can only keep it from child processes.
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
// import() works in both kinds of modules, whatever package.json lies above.
import(${JSON.stringify(`../${name}/index.cjs`)})
`
