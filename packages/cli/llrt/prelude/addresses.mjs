// Addresses. Superfluous when the base of a `URL`, and the member `url` in the settings of a `Request`, may be a `URL`.
import { define } from "./native.mjs"

globalThis.URL = new Proxy(URL, {
  construct: (target, [url, base], newTarget) =>
    Reflect.construct(target, base === undefined ? [String(url)] : [String(url), String(base)], newTarget)
})
define(URL.prototype, "constructor", URL)
globalThis.Request = new Proxy(Request, {
  construct(target, [input, init], newTarget) {
    // The language of the web has no such member, and LLRT reads it as a text.
    const settings = typeof init?.url === "object" ? { ...init, url: undefined } : (init ?? {})
    return Reflect.construct(target, [input instanceof URL ? String(input) : input, settings], newTarget)
  }
})
