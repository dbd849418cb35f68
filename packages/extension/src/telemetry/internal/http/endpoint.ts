/** The endpoint of an HTTP sink: whether a URL can be an endpoint, and what a refusal says, without secrets. */
import * as Effect from "effect/Effect"
import * as Url from "effect/http/Url"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Deadline from "../../../Deadline.ts"
import { concat } from "../record/originalText.ts"

// A name in DNS has labels of 1 to 63 characters; a dot may end it.
const isHost = (name: string) =>
  name
    .replace(/\.$/, "")
    .split(".")
    .every((label) => label !== "" && (label.length <= 63 || label.startsWith("[")))

/** Why no request can go to this URL: an end of a sentence about it. */
export const whyNoUrl = (text: string): string | undefined => {
  const url = Url.fromString(text)
  // `127.0.0.1:8080/logs` is no URL for the parser, and `localhost:8080/logs` one of the protocol `localhost`.
  if (!/^https?:/i.test(text)) return "is not an http URL: it begins with neither http:// nor https://"
  if (Result.isFailure(url)) return "is not a URL"
  const { hostname, password, port, username } = url.success
  // The parser mends these in silence: it takes `http:///logs` for the host `logs`, and drops line breaks.
  if (!/^https?:\/\/[^/\\?#]/i.test(text) || !isHost(hostname)) return "has no host"
  if (/\p{Cc}/u.test(text)) return "has a line break or another control character in it"
  if (/%(?![\da-f]{2})/i.test(text)) return "has a % that two hexadecimal digits do not follow: write %25"
  if (port === "0") return "has the port 0, which nothing listens on"
  return username === "" && password === ""
    ? undefined
    : "has credentials in it: put them into the header authorization"
}

/** The host of a URL, with its port if that is not the usual one. */
export const hostOf = (text: string): string =>
  Result.getOrElse(
    Result.map(Url.fromString(text), ({ host }) => host),
    () => text
  )

/** The query of a URL may hold a key. Words shorter than this are not keys, and any answer may have them. */
const shortestValue = 8

/** The values in the query of a URL that may be secret. */
export const queryValues = (text: string): ReadonlyArray<string> => {
  const url = Url.fromString(text)
  if (Result.isFailure(url)) return []
  return Array.from(url.success.searchParams.values()).flatMap((value) =>
    typeof value === "string" && value.length >= shortestValue ? [value] : []
  )
}

/** The forms in which somebody who was given a secret may quote it. */
const formsOf = (secret: string): ReadonlyArray<string> => {
  // `Bearer <token>`: the token is the secret, and a backend quotes it alone.
  const bare = secret.replace(/^[A-Za-z]+ +/, "")
  const forms = [secret, bare, JSON.stringify(secret).slice(1, -1), JSON.stringify(bare).slice(1, -1)]
  return /^[ -~]*$/.test(secret) ? [...forms, encodeURIComponent(secret), encodeURIComponent(bare)] : forms
}

/** Takes secrets out of a text. */
export const hiding = (secrets: ReadonlyArray<string>) => {
  const forms = [...new Set(secrets.flatMap(formsOf))].filter((form) => form !== "")
  // A longer one may contain a shorter one.
  forms.sort((one, other) => other.length - one.length)
  const longest = forms[0]?.length ?? 0
  return {
    hide: (text: string) => forms.reduce((rest, form) => rest.replaceAll(form, "<redacted>"), text),
    /** The same for a text that was cut: its end may be the beginning of a secret. */
    hideInCut: (text: string) => {
      const hidden = forms.reduce((rest, form) => rest.replaceAll(form, "<redacted>"), text)
      return longest < 2 ? hidden : hidden.slice(0, 1 - longest)
    }
  }
}

// Read to its end, a body leaves its connection usable. A longer one is not worth that.
const longestRead = 65_536
// The status has decided, and the flush waits: a body that is still under way costs its connection and no more.
const longestMillis = 100

/** The beginning of a body, within bounds of time and memory, and whether more of it was to come. */
export const readBeginning = (response: HttpClientResponse) =>
  Effect.suspend(() => {
    const pieces: Array<Uint8Array> = []
    let length = 0
    const read = response.stream.pipe(
      Stream.takeUntil((piece) => {
        pieces.push(piece)
        length += piece.length
        return length >= longestRead
      }),
      Stream.runForEach(() => Effect.void)
    )
    return Effect.map(Deadline.attempt(read, longestMillis), (exit) => ({
      body: concat(pieces).subarray(0, longestRead),
      isWhole: Option.isSome(exit) && Exit.isSuccess(exit.value) && length < longestRead
    }))
  })

const shownCharacters = 500

/** The first 500 characters in quotes, with control and invisible characters as escapes. */
export const quoted = (text: string): string => {
  const characters = Array.from(text.slice(0, 2 * shownCharacters)).slice(0, shownCharacters)
  const shown = characters.join("")
  const escaped = JSON.stringify(shown).replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`
  )
  return shown.length < text.length ? `${escaped}…` : escaped
}

/** Seconds, or a date of HTTP (RFC 9110, 10.2.3); anything else says nothing. */
export const retryAfterMillis = (text: string, now: number): number | undefined => {
  const millis = /^\d+$/.test(text) ? Number(text) * 1000 : text.endsWith(" GMT") ? Date.parse(text) - now : 0
  return millis > 0 ? millis : undefined
}
