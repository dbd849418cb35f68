/** Finds secrets, which must not be in a layer. A result has a kind and a place, and never the secret itself. */

/**
 * The place of a secret.
 *
 * @category models
 * @since 0.1.0
 */
export interface Secret {
  readonly kind: string
  /** False if only the name beside it makes a text look like a secret. */
  readonly isCertain: boolean
  /** The offset in the file, in bytes. */
  readonly offset: number
}

interface Format {
  readonly kind: string
  /** The beginning of every secret of the kind; looked for first, since a layer may hold a hundred megabytes. */
  readonly marker: string
  readonly pattern: RegExp
}

const formats: ReadonlyArray<Format> = [
  { kind: "an AWS access key", marker: "AKIA", pattern: /(?<!\w)AKIA[0-9A-Z]{16}(?!\w)(?<!EXAMPLE)/y },
  { kind: "a temporary AWS access key", marker: "ASIA", pattern: /(?<!\w)ASIA[0-9A-Z]{16}(?!\w)(?<!EXAMPLE)/y },
  {
    kind: "a private key",
    marker: "-----BEGIN ",
    // A bundle has the line ends as escapes.
    pattern: /-----BEGIN (?:[A-Z]+ ){0,2}PRIVATE KEY(?: BLOCK)?-----(?:\\n|\\r|\s){0,9}[A-Za-z0-9+/=]{40}/y
  },
  ...["ghp_", "gho_", "ghu_", "ghs_", "ghr_"].map((marker) => ({
    kind: "a GitHub token",
    marker,
    pattern: new RegExp(`(?<!\\w)${marker}[A-Za-z0-9]{36,}`, "y")
  })),
  { kind: "a GitHub token", marker: "github_pat_", pattern: /github_pat_\w{60,}/y },
  ...["xoxb-", "xoxp-", "xoxa-", "xoxs-", "xapp-"].map((marker) => ({
    kind: "a Slack token",
    marker,
    pattern: new RegExp(`(?<!\\w)${marker}\\d[\\w-]{20,}`, "y")
  })),
  {
    kind: "a Slack webhook address",
    marker: "hooks.slack.com/services/",
    pattern: /hooks\.slack\.com\/services\/T\w{6,}\/B\w{6,}\/\w{16,}/y
  },
  ...["sk_live_", "rk_live_"].map((marker) => ({
    kind: "a Stripe key",
    marker,
    pattern: new RegExp(`(?<!\\w)${marker}[A-Za-z0-9]{20,}`, "y")
  })),
  { kind: "an npm token", marker: "npm_", pattern: /(?<!\w)npm_[A-Za-z0-9]{36}(?!\w)/y },
  // A file with ${NPM_TOKEN} is in order. Programs that read an .npmrc, bun among them, hold its keys one after another:
  // `_authToken=_password=…` is no token, so no `=` may follow but the padding of base64.
  {
    kind: "an npm token",
    marker: "_authToken=",
    pattern: /_authToken=["']?[\w.~+/-]{16,}={0,2}(?![\w.~+/=-])/y
  },
  { kind: "a Google API key", marker: "AIza", pattern: /(?<!\w)AIza[\w-]{35}(?![\w-])/y }
]

const awsSecretKey = /aws_?secret(?:_?access)?_?key["']?\s{0,4}[:=]\s{0,4}["']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])/gi

const assignment =
  /(?:secret|passw(?:or)?d|api_?key|(?:access|auth|bearer)_?token|private_?key)\w{0,32}["']?\s{0,8}[:=]\s{0,8}(["'`])([^"'`\s]{16,200})\1/gi

const placeholder = /example|placeholder|change|dummy|xxxx|\$\{|^process\.|:\/\/|^arn:|^[A-Za-z][A-Za-z-]+$/i

const entropyOf = (text: string): number => {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}

const looksRandom = (text: string): boolean =>
  /\d/.test(text) && /[A-Za-z]/.test(text) && !placeholder.test(text) && entropyOf(text) >= 3.5

/** Longer texts are data. */
const maxSourceBytes = 16 * 1024 * 1024

/**
 * Finds the secrets in a file. Words such as `password = "…"` count in a text only, and as uncertain.
 *
 * @category accessors
 * @since 0.1.0
 */
export const find = (bytes: Uint8Array): ReadonlyArray<Secret> => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const secrets: Array<Secret> = []
  for (const { kind, marker, pattern } of formats) {
    for (let offset = buffer.indexOf(marker, 0, "latin1"); offset !== -1;) {
      // The look-behinds need the character before.
      const begin = Math.max(0, offset - 1)
      pattern.lastIndex = offset - begin
      if (pattern.test(buffer.toString("latin1", begin, offset + 400))) secrets.push({ kind, isCertain: true, offset })
      offset = buffer.indexOf(marker, offset + marker.length, "latin1")
    }
  }
  const isText = buffer.length <= maxSourceBytes && !buffer.includes(0)
  if (!isText) return secrets
  const text = buffer.toString("latin1")
  for (const match of text.matchAll(awsSecretKey)) {
    if (looksRandom(match[1] ?? "")) {
      secrets.push({ kind: "an AWS secret access key", isCertain: true, offset: match.index })
    }
  }
  for (const match of text.matchAll(assignment)) {
    if (looksRandom(match[2] ?? "")) secrets.push({ kind: "a secret", isCertain: false, offset: match.index })
  }
  return secrets
}
