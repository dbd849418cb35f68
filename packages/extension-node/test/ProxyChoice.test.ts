/** The proxy of the environment for a server: which variable, which exceptions, which URLs of a proxy. */
import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { subscribe, unsubscribe } from "node:diagnostics_channel"
import * as Http from "node:http"
import { addressOf, originOf } from "../src/internal/http/origin.ts"
import { type Asked, choose, isSwitchedOn } from "../src/internal/proxy/choice.ts"

const proxy = "http://proxy.internal:3128"
const http = "http://logs.example.com/v1"
const https = "https://logs.example.com/v1"

type Variables = Readonly<Record<string, string>>

const wayTo = (url: string, variables: Variables, asked: Asked) => choose(variables, asked, originOf(new URL(url)))

/** `direct`, or the variable that is not used, or the proxy. */
const said = (url: string, variables: Variables, asked: Asked): string => {
  const way = wayTo(url, variables, asked)
  switch (way._tag) {
    case "Direct":
      return "direct"
    case "Unused":
      return way.variable
    case "Unusable":
      return way.message
    case "Proxy":
      return `by ${addressOf(way.via.proxy)}`
  }
}

describe("the variable", () => {
  it.each<readonly [string, string, Variables, string, string, string]>([
    // title, URL, variables; unasked, asked by the option, asked by Node's switch
    ["none is set", https, {}, "direct", "direct", "direct"],
    ["HTTPS_PROXY", https, { HTTPS_PROXY: proxy }, "HTTPS_PROXY", "by proxy.internal:3128", "by proxy.internal:3128"],
    ["https_proxy", https, { https_proxy: proxy }, "https_proxy", "by proxy.internal:3128", "by proxy.internal:3128"],
    ["HTTP_PROXY", http, { HTTP_PROXY: proxy }, "HTTP_PROXY", "by proxy.internal:3128", "by proxy.internal:3128"],
    ["HTTPS_PROXY for http:", http, { HTTPS_PROXY: proxy }, "direct", "direct", "direct"],
    // As undici.
    ["HTTP_PROXY for https:", https, { HTTP_PROXY: proxy }, "direct", "direct", "by proxy.internal:3128"],
    ["an empty one", https, { HTTPS_PROXY: " " }, "direct", "direct", "direct"],
    ["ALL_PROXY", https, { ALL_PROXY: proxy }, "ALL_PROXY", "by proxy.internal:3128", "by proxy.internal:3128"],
    [
      "all_proxy for http:",
      http,
      { all_proxy: proxy },
      "all_proxy",
      "by proxy.internal:3128",
      "by proxy.internal:3128"
    ],
    [
      "its own before ALL_PROXY",
      http,
      { ALL_PROXY: proxy, HTTP_PROXY: "http://own" },
      "HTTP_PROXY",
      "by own:80",
      "by own:80"
    ],
    ["lower case first", http, { HTTP_PROXY: proxy, http_proxy: "http://low" }, "http_proxy", "by low:80", "by low:80"],
    ["upper case if lower is empty", http, { HTTP_PROXY: "up", http_proxy: "" }, "HTTP_PROXY", "by up:80", "by up:80"],
    ["a server on this machine", "http://127.0.0.1:4318", { HTTP_PROXY: proxy }, "direct", "direct", "direct"],
    ["a server on this machine by name", "http://localhost:4318", { HTTP_PROXY: proxy }, "direct", "direct", "direct"],
    ["a name below localhost", "http://a.localhost.:4318", { HTTP_PROXY: proxy }, "direct", "direct", "direct"],
    ["a server on this machine by IPv6", "http://[::1]:4318", { HTTP_PROXY: proxy }, "direct", "direct", "direct"],
    ["the sandbox", "http://sandbox.localdomain:4318", { HTTP_PROXY: proxy }, "direct", "direct", "direct"]
  ])("%s", (_, url, variables, unasked, option, nodes) => {
    assert.strictEqual(said(url, variables, undefined), unasked)
    assert.strictEqual(said(url, variables, "option"), option)
    assert.strictEqual(said(url, variables, "switch"), nodes)
  })

  it("that is not used comes with a remedy", () => {
    const way = wayTo(https, { HTTPS_PROXY: "socks5://user:secret@proxy" }, undefined)
    assert.deepStrictEqual(way, {
      _tag: "Unused",
      variable: "HTTPS_PROXY",
      remedy:
        'SinkHttpClient.layerWith({ proxy: "environment" }) or NODE_USE_ENV_PROXY=1 makes it go through the proxy; ' +
        "otherwise name the host in NO_PROXY"
    })
  })
})

it.each<readonly [Variables, ReadonlyArray<string>, boolean]>([
  [{}, [], false],
  [{ NODE_USE_ENV_PROXY: "1" }, [], true],
  [{ NODE_USE_ENV_PROXY: "true" }, [], false],
  [{ NODE_OPTIONS: "--enable-source-maps --use-env-proxy" }, [], true],
  [{}, ["--use-env-proxy"], true]
])("the switch of Node: %j %j", (variables, execArgv, isOn) => {
  assert.strictEqual(isSwitchedOn(variables, execArgv), isOn)
})

/** A reason for which `fetch` of Node does something else, and what curl 7.88 does. */
type Others = readonly [node: "same" | string, curl: "same" | string]

const exceptions: ReadonlyArray<readonly [list: string, url: string, isDirect: boolean, ...Others]> = [
  ["a.com, logs.example.com", http, true, "same", "same"],
  ["a.com logs.example.com", http, true, "same", "same"],
  ["LOGS.example.COM", http, true, "same", "same"],
  ["logs.example.com.", http, true, "does not strip a dot at the end", "same"],
  ["logs.example.com", "http://logs.example.com./v1", true, "does not strip a dot at the end", "same"],
  ["example.com", http, true, "same", "same"],
  [".example.com", http, true, "same", "same"],
  [".logs.example.com", http, true, "same", "same"],
  ["*.EXAMPLE.com", http, true, "same", "knows no star before a name"],
  ["ample.com,a.com,,", http, false, "same", "same"],
  ["logs.*.com", http, false, "same", "same"],
  ["*", http, true, "same", "same"],
  ["a.com,*", http, true, "knows the star alone only", "knows the star alone only"],
  ["logs.example.com:8443", "http://logs.example.com:8443", true, "same", "knows no port"],
  ["example.com:8443", "http://logs.example.com:8443", true, "same", "knows no port"],
  ["logs.example.com:8443", http, false, "same", "same"],
  ["logs.example.com:80", http, true, "same", "knows no port"],
  ["logs.example.com:443", https, true, "same", "knows no port"],
  ["192.0.2.1", "http://192.0.2.1", true, "same", "same"],
  ["2.1", "http://192.0.2.1", false, "takes the end of an address for a domain", "same"],
  ["192.0.2.0/24", "http://192.0.2.1", true, "knows no subnets", "same"],
  ["192.0.2.0/24", "http://192.0.3.1", false, "same", "same"],
  ["192.0.2.0/33", "http://192.0.2.1", false, "same", "same"],
  ["192.0.2.0-192.0.2.9", "http://192.0.2.1", false, "same", "same"],
  ["0.0.0.0/0", http, false, "same", "same"],
  ["[2001:db8::1]", "http://[2001:db8::1]", true, "same", "knows no brackets"],
  ["2001:DB8:0::1", "http://[2001:db8::1]", true, "knows addresses of IPv6 in brackets only", "same"],
  ["[2001:DB8:0::1]", "http://[2001:db8::1]", true, "compares addresses as texts", "knows no brackets"],
  [".", http, false, "same", "same"],
  ["[2001:db8::1]:8080", "http://[2001:db8::1]:8080", true, "same", "knows no port"],
  ["[2001:db8::1]:8081", "http://[2001:db8::1]:8080", false, "same", "same"],
  ["2001:db8::/32", "http://[2001:db8::1]", true, "knows no subnets", "same"],
  ["192.0.2.0/24", "http://[2001:db8::1]", false, "same", "same"],
  ["http://logs.example.com", http, false, "same", "same"]
]

it.each(exceptions)("NO_PROXY %j, %s: direct is %s", (list, url, isDirect) => {
  const expected = isDirect ? "direct" : "by proxy.internal:3128"
  for (const name of ["NO_PROXY", "no_proxy"]) {
    assert.strictEqual(said(url, { ALL_PROXY: proxy, [name]: list }, "option"), expected)
    assert.strictEqual(said(url, { ALL_PROXY: proxy, [name]: list }, undefined), isDirect ? "direct" : "ALL_PROXY")
  }
})

it("NO_PROXY is read from lower case first, if it has a value", () => {
  assert.strictEqual(
    said(http, { HTTP_PROXY: proxy, no_proxy: "a.com", NO_PROXY: "*" }, "option"),
    "by proxy.internal:3128"
  )
  assert.strictEqual(said(http, { HTTP_PROXY: proxy, no_proxy: "", NO_PROXY: "*" }, "option"), "direct")
})

// Node 24.14 and newer.
describe.runIf("setGlobalProxyFromEnv" in Http)("beside the fetch of this Node", () => {
  /** The host that fetch opens its socket to, without waiting for it. */
  const destination = async (variables: Variables, url: string): Promise<string> => {
    const controller = new AbortController()
    let host = ""
    const onConnect = (message: unknown) => {
      host = Reflect.get(Object(Reflect.get(Object(message), "connectParams")), "hostname")
    }
    const opened = Promise.withResolvers<void>()
    const onSocket = () => opened.resolve()
    subscribe("undici:client:beforeConnect", onConnect)
    subscribe("net.client.socket", onSocket)
    const restore = Http.setGlobalProxyFromEnv({ ...variables })
    const fetched = fetch(url, { signal: controller.signal }).then(
      () => {},
      () => {}
    )
    await opened.promise
    controller.abort()
    await fetched
    restore()
    unsubscribe("undici:client:beforeConnect", onConnect)
    unsubscribe("net.client.socket", onSocket)
    return host
  }

  it.each(exceptions.filter(([, url]) => url.startsWith("http:")))(
    "NO_PROXY %j, %s",
    async (list, url, isDirect, node) => {
      // Nothing listens on the discard port of this machine, and it answers that at once.
      const host = await destination({ http_proxy: "http://127.0.0.1:9", no_proxy: list }, url)
      assert.strictEqual(host !== "127.0.0.1", node === "same" ? isDirect : !isDirect, node)
    }
  )

  it("a server on this machine is reached through the proxy, which ours does not do", async () => {
    const host = await destination({ http_proxy: "http://127.0.0.9:9" }, "http://localhost:4318")
    assert.strictEqual(host, "127.0.0.9")
  })

  it("HTTP_PROXY serves https: too", async () => {
    assert.strictEqual(await destination({ http_proxy: "http://127.0.0.1:9" }, https), "127.0.0.1")
  })
})

describe("the URL of a proxy", () => {
  it.each<readonly [string, string, string | undefined]>([
    // value, address, credentials
    ["http://proxy:3128", "proxy:3128", undefined],
    ["http://proxy:3128/", "proxy:3128", undefined],
    [" http://proxy \n", "proxy:80", undefined],
    ["HTTP://Proxy", "proxy:80", undefined],
    ["https://proxy", "proxy:443", undefined],
    ["proxy:3128", "proxy:3128", undefined],
    ["proxy", "proxy:80", undefined],
    ["user:password@proxy:3128", "proxy:3128", "user:password"],
    ["http://[2001:DB8::1]:3128", "[2001:db8::1]:3128", undefined],
    ["[::1]:3128", "[::1]:3128", undefined],
    ["http://user:password@proxy", "proxy:80", "user:password"],
    ["http://user@proxy", "proxy:80", "user:"],
    ["http://:password@proxy", "proxy:80", ":password"],
    ["http://us%40er:p%3Aw%2f%23%3f%25@proxy", "proxy:80", "us@er:p:w/#?%"],
    ["http://user:p@ss@proxy", "proxy:80", "user:p@ss"],
    ["http://user:pä%C3%A4 @proxy", "proxy:80", "user:pää "]
  ])("%j", (value, address, credentials) => {
    const way = wayTo(https, { HTTPS_PROXY: value }, "option")
    if (way._tag !== "Proxy") return assert.fail(JSON.stringify(way))
    assert.strictEqual(addressOf(way.via.proxy), address)
    assert.strictEqual(way.via.proxy.isSecure, value.startsWith("https:"))
    const header = way.via.authorization === undefined ? undefined : Redacted.value(way.via.authorization)
    assert.strictEqual(
      header,
      credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString("base64")}`
    )
    assert.notInclude(JSON.stringify(way), header ?? "Basic")
  })

  it.prop("has any credentials, percent-encoded", [Schema.String, Schema.String], ([user, password]) => {
    // Halves of characters cannot be encoded, and a colon ends the name.
    const [name, secret] = [user.replaceAll(":", "").toWellFormed(), password.toWellFormed()]
    const value = `http://${encodeURIComponent(name)}:${encodeURIComponent(secret)}@proxy`
    const way = wayTo(https, { HTTPS_PROXY: value }, "option")
    if (way._tag !== "Proxy") return assert.fail(JSON.stringify(way))
    const sent = way.via.authorization === undefined ? "Basic Og==" : Redacted.value(way.via.authorization)
    assert.strictEqual(Buffer.from(sent.slice("Basic ".length), "base64").toString("utf8"), `${name}:${secret}`)
  })

  it.prop("is read or refused, whatever it is, and no part of it is told", [Schema.String], ([text]) => {
    const value = `http://user:sEcReT${text}@proxy`
    assert.notInclude(said(https, { HTTPS_PROXY: value }, "option"), "sEcReT")
  })

  const noUrl = "is not the URL of a proxy, such as http://user:password@proxy.example.com:3128"
  it.each<readonly [string, string]>([
    ["socks5://secret-user:secret@proxy", "is a proxy of another kind than http:// and https://"],
    ["socks5h://proxy", "is a proxy of another kind"],
    ["ftp://proxy", "is a proxy of another kind"],
    ["http://", noUrl],
    ["http://user:secret#1@proxy", noUrl],
    ["http://user:12/secret@proxy", noUrl],
    ["http://user:12?secret@proxy", noUrl],
    ["http://user:12#secret@proxy", noUrl],
    ["http://proxy:3128/secret", noUrl],
    ["http://proxy:0", noUrl],
    ["http://proxy:65536", noUrl],
    ["http://pro\nxy", noUrl],
    ["http:proxy", noUrl],
    ["::1:3128", noUrl],
    ["http://user:secret%@proxy", "has credentials that are not percent-encoded UTF-8"],
    ["http://user:secret%E4@proxy", "has credentials that are not percent-encoded UTF-8"],
    ["http://us%3Aer:secret@proxy", "has a user name with a colon"]
  ])("%j cannot be used, and no part of it is told", (value, message) => {
    for (const name of ["HTTPS_PROXY", "all_proxy"]) {
      const text = said(https, { [name]: value }, "option")
      assert.include(text, `${name} ${message}`)
      assert.notInclude(text, "secret")
    }
  })
})
