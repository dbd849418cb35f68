/** The URL of a proxy, as a variable has it. */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { originOf, type Via } from "../http/origin.ts"

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** The header of Basic authentication (RFC 7617). */
const authorizationOf = ({ password, username }: URL): Result.Result<Redacted.Redacted<string> | undefined, string> => {
  if (username === "" && password === "") return Result.succeed(undefined)
  const [user, secret] = [decoded(username), decoded(password)]
  if (user === undefined || secret === undefined) {
    return Result.fail("has credentials that are not percent-encoded UTF-8: write % as %25")
  }
  if (user.includes(":")) return Result.fail("has a user name with a colon, which no proxy can tell from the password")
  const credentials = Buffer.from(`${user}:${secret}`, "utf8").toString("base64")
  return Result.succeed(Redacted.make(`Basic ${credentials}`))
}

/**
 * Reads the URL of a proxy; a text without a scheme is one of `http:`. A failure is the end of a sentence about the
 * variable, without any part of its value, which may be a secret.
 */
export const parse = (value: string): Result.Result<Via, string> => {
  const text = value.trim()
  const scheme = /^([a-z][a-z\d+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme !== undefined && scheme !== "http" && scheme !== "https") {
    return Result.fail("is a proxy of another kind than http:// and https://, which are all that this client knows")
  }
  const url = URL.parse(scheme === undefined ? `http://${text}` : text)
  // A password with one of / ? # ends the host before its time, and the parser drops line breaks.
  if (url === null || /\p{Cc}/u.test(text) || url.port === "0" || url.pathname + url.search + url.hash !== "/") {
    return Result.fail(
      "is not the URL of a proxy, such as http://user:password@proxy.example.com:3128; " +
        "in a password / is written as %2F, ? as %3F, # as %23 and @ as %40"
    )
  }
  return Result.map(authorizationOf(url), (authorization) => ({ proxy: originOf(url), authorization }))
}
