/** The report page in Chromium, as a person uses it: with eyes, pointer, keyboard and screen reader. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { createRequire } from "node:module"
import { delimiter, join } from "node:path"
import { pathToFileURL } from "node:url"
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core"
import { reports } from "./reports.ts"

const names = ["chromium", "chromium-browser", "google-chrome"]
const executablePath = (process.env["PATH"] ?? "")
  .split(delimiter)
  .flatMap((folder) => names.map((name) => join(folder, name)))
  .find((path) => existsSync(path))

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")
const folder = mkdtempSync(join(tmpdir(), "report-pages-"))
/** Stays, to be looked at. */
const pictures = join(tmpdir(), "effect-lambda-report-pages")
mkdirSync(pictures, { recursive: true })

let browser: Browser

beforeAll(async () => {
  if (executablePath === undefined) throw new Error("there is no Chromium on the PATH: apt-get install chromium")
  for (const [name, page] of Object.entries(reports)) writeFileSync(join(folder, `${name}.html`), page)
  // Root has no sandbox.
  browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] })
})

afterAll(async () => {
  await browser.close()
  rmSync(folder, { recursive: true })
})

/** Opens a report, uses it, and fails if it logged an error or asked for anything but itself. */
const withPage = async (
  name: keyof typeof reports,
  use: (page: Page) => Promise<void>,
  options: BrowserContextOptions = {}
) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  const own = pathToFileURL(join(folder, `${name}.html`)).href
  const complaints: Array<string> = []
  try {
    const page = await context.newPage()
    page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`))
    page.on("pageerror", (error) => complaints.push(String(error)))
    page.on("request", (request) => {
      if (request.url().split("#")[0] !== own && request.url() !== "data:,")
        complaints.push(`asked for ${request.url()}`)
    })
    await page.goto(own)
    await use(page)
    if (options.javaScriptEnabled !== false) assert.isUndefined(await page.evaluate("window.hostile"))
    assert.deepStrictEqual(complaints, [])
  } finally {
    await context.close()
  }
}

const all = Object.keys(reports) as ReadonlyArray<keyof typeof reports>
const looks = all.flatMap((name) =>
  (["light", "dark"] as const).flatMap((colorScheme) => [1280, 390].map((width) => ({ name, colorScheme, width })))
)

describe.each(looks)("$name, $colorScheme, $width pixels", ({ colorScheme, name, width }) => {
  it("has no violation of the rules of accessibility, and is not wider than the screen", () =>
    withPage(
      name,
      async (page) => {
        await page.screenshot({
          path: join(pictures, `${name}-${colorScheme}-${width}.png`),
          fullPage: name !== "verdicts"
        })
        assert.isTrue(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
        // At another width the same rules hold for the same elements; of many rows they take half a minute.
        if (name === "thousand" && width < 1000) return
        await page.evaluate(axe)
        const found: { violations: ReadonlyArray<{ id: string; nodes: ReadonlyArray<{ html: string }> }> } =
          await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        const told = found.violations.map(({ id, nodes }) => `${id}, ${nodes.length}: ${nodes[0]?.html.slice(0, 300)}`)
        assert.deepStrictEqual(told, [])
      },
      { colorScheme, viewport: { width, height: 900 } }
    ))
})

it("without its script it has all of its facts", () =>
  withPage(
    "troubled",
    async (page) => {
      assert.isAbove(await page.locator("table tbody tr").count(), 100)
      assert.isTrue(await page.locator(".problems").isVisible())
      assert.isTrue(await page.locator(".column svg").first().isVisible())
      assert.isFalse(await page.locator("button").first().isVisible())
    },
    { javaScriptEnabled: false }
  ))

it("a bar under the pointer shows its entries, and a click keeps them", () =>
  withPage("three", async (page) => {
    const facts = page.locator(".facts")
    await page.locator(".column.invoke .item[aria-label^='demo holds']").first().hover()
    await facts.getByText("producedBytes").waitFor()
    assert.include(await facts.innerText(), "demo holds the invocation open, 8 ms")
    const fault = page.locator(".item[aria-label*='connection of next is reset']")
    await fault.locator(".mark").click()
    await facts.getByText("reset:next").or(facts.getByText("Reset")).first().waitFor()
    await page.locator(".column.init .item").first().hover()
    assert.include(await facts.innerText(), "the connection of next is reset")
    await page.getByText("Details, kept until the next click").waitFor()
    await fault.locator(".mark").click()
    await page.locator(".column.init .item").first().hover()
    await facts.getByText("platform init, 395 ms").waitFor()
  }))

it("the keyboard reaches each bar and mark, and says which it is", () =>
  withPage("three", async (page) => {
    const active = (): Promise<string> => page.evaluate("document.activeElement.getAttribute('aria-label') ?? ''")
    await page.locator(".axis").focus()
    await page.keyboard.press("ArrowRight")
    assert.strictEqual(await active(), "platform init, 395 ms")
    await page.keyboard.press("ArrowDown")
    assert.include(await active(), "runtime starts")
    await page.keyboard.press("ArrowDown")
    assert.include(await active(), "demo ")
    await page.keyboard.press("ArrowRight")
    const named = await active()
    await page.keyboard.press("Enter")
    await page.locator(".facts:focus .name").getByText(named).waitFor()
    assert.strictEqual(await active(), "Details")
    await page.keyboard.press("Escape")
    assert.strictEqual(await active(), named)
    await page.keyboard.press("Escape")
    assert.strictEqual(await active(), "Timeline of demo")
    // A single stop: the next one is behind the chart.
    await page.keyboard.press("Tab")
    assert.isFalse(await page.evaluate("document.activeElement.closest('.axis') !== null"))
  }))

it("a problem leads to its place, also with the keyboard", () =>
  withPage("troubled", async (page) => {
    const link = page.locator(".problems .problem a").first()
    await link.focus()
    await page.keyboard.press("Enter")
    await page.locator(".column.target").waitFor()
    assert.include(await page.locator(".column.target h4").innerText(), "Invocation 60")
    assert.isTrue(
      await page.evaluate("document.querySelector('.column.target').getBoundingClientRect().left < innerWidth")
    )
    assert.isTrue(await page.evaluate("document.activeElement.closest('.column.target') !== null"))
  }))

it("folded invocations unfold, fifty at a time or around a link", () =>
  withPage("thousand", async (page) => {
    const before = await page.locator(".column.invoke").count()
    assert.isBelow(before, 60)
    const button = page.locator("button.unfold").first()
    await button.click()
    await page.locator(".column.invoke h4", { hasText: /^Invocation 53$/ }).waitFor()
    assert.strictEqual(await page.locator(".column.invoke").count(), before + 50)
    // The table has a link to each invocation, drawn or not.
    await page.locator("tbody th a", { hasText: /^777$/ }).click()
    await page.locator(".column.target h4", { hasText: /^Invocation 777$/ }).waitFor()
    // Drawn or folded, each invocation has its place once, in order.
    const titles = await page.locator(".column.invoke h4, .column.fold p:nth-of-type(1)").allInnerTexts()
    const places = titles.map((text) => {
      const [first = 0, last = first] = (text.match(/\d+/g) ?? []).map(Number)
      return { first, last }
    })
    places.reduce((before, { first, last }) => {
      assert.strictEqual(first, before + 1, titles.join("; "))
      return last
    }, 0)
    assert.strictEqual(places.at(-1)?.last, 1000)
  }))

it("a thousand invocations open within seconds", async () => {
  const begun = performance.now()
  await withPage("thousand", async (page) => {
    await page.locator(".axis").focus()
    const loaded: number = await page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    process.stdout.write(`loaded in ${Math.round(loaded)} ms, used after ${Math.round(performance.now() - begun)} ms\n`)
    // A bound for a page that hangs, and no measure.
    assert.isBelow(loaded, 20_000)
  })
})

it("log lines are filtered by their text and their process", () =>
  withPage("troubled", async (page) => {
    const shown = () => page.locator(".log .line:visible").count()
    const lines = await shown()
    await page.getByLabel("Log lines with this text").fill("javascript:")
    const some = await shown()
    assert.isTrue(some > 0 && some < lines, `${some} of ${lines}`)
    await page.getByLabel("Log lines of").selectOption("runtime")
    assert.strictEqual(await shown(), some)
  }))

it("a link to a scenario opens it", () =>
  withPage("verdicts", async (page) => {
    const link = page.locator(".verdicts a", { hasText: "next/pass-1" })
    const run = page.locator((await link.getAttribute("href")) ?? "")
    assert.isNull(await run.getAttribute("open"))
    await link.click()
    await run.locator(".chart").waitFor()
  }))
