// HMAC of the web. Superfluous when `crypto.subtle.importKey` takes a key for it. Requests to AWS are signed by it.

const { subtle } = crypto
const hmacKeys = new WeakMap()
const nativeSubtle = { importKey: subtle.importKey, sign: subtle.sign, verify: subtle.verify }

const hmacOf = (key, data) => {
  const { hash, secret } = hmacKeys.get(key)
  const digest = process.getBuiltinModule("node:crypto").createHmac(hash, secret).update(Buffer.from(data)).digest()
  return digest.buffer.slice(digest.byteOffset, digest.byteOffset + digest.byteLength)
}

/** Takes the same time whatever is different. */
const isSame = (one, other) => {
  let difference = one.length ^ other.length
  for (let at = 0; at < one.length; at++) difference |= one[at] ^ other[at]
  return difference === 0
}

const asyncOf =
  (run) =>
  (...values) =>
    new Promise((resolve) => resolve(run(...values)))

Object.assign(subtle, {
  importKey: asyncOf((format, secret, algorithm, extractable, usages) => {
    if (format !== "raw" || algorithm.name?.toUpperCase() !== "HMAC")
      return nativeSubtle.importKey.call(subtle, format, secret, algorithm, extractable, usages)
    const name = algorithm.hash.name ?? algorithm.hash
    const bytes = Buffer.from(secret)
    const own = { name: "HMAC", hash: { name }, length: bytes.length * 8 }
    const key = { type: "secret", extractable, algorithm: own, usages: [...usages] }
    Object.setPrototypeOf(key, globalThis.CryptoKey?.prototype ?? Object.prototype)
    hmacKeys.set(key, { hash: name.replace("-", "").toLowerCase(), secret: bytes })
    return key
  }),
  sign: asyncOf((algorithm, key, data) =>
    hmacKeys.has(key) ? hmacOf(key, data) : nativeSubtle.sign.call(subtle, algorithm, key, data)
  ),
  verify: asyncOf((algorithm, key, signature, data) =>
    hmacKeys.has(key)
      ? isSame(Buffer.from(hmacOf(key, data)), Buffer.from(signature))
      : nativeSubtle.verify.call(subtle, algorithm, key, signature, data)
  )
})
