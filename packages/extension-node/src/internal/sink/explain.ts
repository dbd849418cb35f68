/** Why there is no connection, or no answer, in words that a user can act on. */

const known: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "has expired",
  CERT_NOT_YET_VALID: "is not valid yet, by the clock of this machine",
  CERT_REVOKED: "was revoked",
  DEPTH_ZERO_SELF_SIGNED_CERT: "is self-signed, and NODE_EXTRA_CA_CERTS names no file with it",
  SELF_SIGNED_CERT_IN_CHAIN:
    "comes from an authority that Node does not know, and NODE_EXTRA_CA_CERTS names no file with its root",
  UNABLE_TO_GET_ISSUER_CERT:
    "comes from an authority that Node does not know, and NODE_EXTRA_CA_CERTS names no file with its root",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "comes from an authority that Node does not know, and NODE_EXTRA_CA_CERTS names no file with its root",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "comes from an authority that Node does not know, and NODE_EXTRA_CA_CERTS names no file with its root; " +
    "or the server leaves out a certificate between"
}

const noTls = new Set(["ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_PACKET_LENGTH_TOO_LONG", "ERR_SSL_HTTP_REQUEST"])

/** The hosts that the certificate is for, quoted, since the other side wrote them. */
const hostsOf = (error: object): string => {
  const cert: unknown = "cert" in error ? error.cert : undefined
  const names: unknown =
    typeof cert === "object" && cert !== null && "subjectaltname" in cert ? cert.subjectaltname : undefined
  return typeof names === "string" ? `: ${JSON.stringify(names.slice(0, 200))}` : ""
}

const textOf = (error: Error): string => {
  // A name with several addresses: each of them was tried.
  if (error instanceof AggregateError) return error.errors.map((each) => textOf(each)).join(", ")
  return error.message
}

/** The same error, with a message that says which connection failed and why. */
const named = (error: NodeJS.ErrnoException, message: string): NodeJS.ErrnoException =>
  Object.assign(new Error(message), error.code === undefined ? {} : { code: error.code })

/**
 * Why a connection cannot be used, in the handshake or after it.
 *
 * @param place `host:port`, or the same of a proxy
 */
export const explain = (error: NodeJS.ErrnoException, place: string): NodeJS.ErrnoException => {
  const code = error.code ?? ""
  const certificate = known[code]
  if (certificate !== undefined) return named(error, `the certificate of ${place} ${certificate}`)
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return named(error, `the certificate of ${place} is for another host${hostsOf(error)}`)
  }
  if (noTls.has(code)) return named(error, `${place} does not speak TLS`)
  if (code.startsWith("ERR_SSL_")) {
    const alert = code.split("ALERT_")[1]?.toLowerCase().replaceAll("_", " ")
    return named(error, `${place} refuses TLS: ${alert ?? code}`)
  }
  return named(error, `${place}: ${textOf(error)}`)
}

/** Why a connection was not made. */
export const unconnected = (error: NodeJS.ErrnoException, place: string): NodeJS.ErrnoException =>
  named(error, `no connection to ${place}: ${textOf(error)}`)
