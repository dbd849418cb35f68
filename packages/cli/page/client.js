// The script of the report page: it shows the facts of a bar or mark, unfolds invocations and filters log lines. The page
// holds all facts without it. Text reaches the document as text only; the one piece of markup, an unfolded column, was
// escaped when the page was written.
"use strict"
;(() => {
  /** @typedef {[ms: number, who: string, what: string, facts: Array<[string, string]>]} Entry */
  /** @typedef {[invocations: number, first: number, end: number, markup: string, title: string]} Folded */

  /** @type {Array<{ entries: string, folds: Record<string, string> }>} */
  const data = JSON.parse(document.getElementById("data")?.textContent ?? "[]")

  /** So many invocations are unfolded at once. */
  const unfoldedAtOnce = 50
  /** A link to a folded entry unfolds its invocation and some after it. */
  const unfoldedByLink = 10
  /** A bar or a mark shows so many entries at most. */
  const mostEntries = 20

  /** Inflates what the page holds compressed. @param {string} text */
  const unpack = async (text) => {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))
    return JSON.parse(await new Response(stream).text())
  }

  /**
   * @param {string} name
   * @param {string} text
   * @param {string} [className]
   */
  const element = (name, text, className) => {
    const made = document.createElement(name)
    made.textContent = text
    if (className !== undefined) made.className = className
    return made
  }

  /** @param {HTMLElement} run */
  const start = (run) => {
    const packed = data[Number(run.dataset.run)]
    const axis = run.querySelector(".axis")
    const details = run.querySelector(".details")
    const facts = run.querySelector(".facts")
    if (!(facts instanceof HTMLElement)) return
    if (packed === undefined || !(axis instanceof HTMLElement) || !(details instanceof HTMLElement)) return
    details.hidden = false

    /** @type {Promise<Array<Entry>> | undefined} */
    let entries
    /** @type {Map<Element, Array<Folded>>} */
    const folds = new Map()
    /** A click keeps the details of an item until the next click. @type {Element | undefined} */
    let pinned
    /** @type {Element | undefined} */
    let shown

    const heading = details.querySelector("h3")
    /** @param {Element | undefined} item */
    const pin = (item) => {
      pinned = item
      if (heading !== null) heading.textContent = item === undefined ? "Details" : "Details, kept until the next click"
    }

    /** @param {Element} item */
    const show = async (item) => {
      if (shown === item) return
      shown?.classList.remove("shown")
      shown = item
      item.classList.add("shown")
      if (!("DecompressionStream" in globalThis)) {
        facts.replaceChildren(element("p", "This browser is too old to show details: they are compressed in the page."))
        return
      }
      entries ??= unpack(packed.entries)
      const known = await entries
      if (shown !== item) return
      const positions = [...new Set((item.getAttribute("data-e") ?? "").split(" ").map(Number))]
      const made = positions.slice(0, mostEntries).flatMap((position) => {
        const entry = known[position]
        if (entry === undefined) return []
        const [ms, who, what, named] = entry
        const list = document.createElement("dl")
        for (const [name, value] of named) list.append(element("dt", name), element("dd", value))
        return [element("h4", `${ms.toLocaleString("en")} ms, ${who}`), element("p", what, "what"), list]
      })
      const left = positions.length - mostEntries
      if (left > 0) made.push(element("p", `and ${left} more`, "muted"))
      facts.replaceChildren(element("p", item.getAttribute("aria-label") ?? "", "name"), ...made)
    }

    /** The item under the pointer or with the focus. @param {Event} event */
    const itemOf = (event) => (event.target instanceof Element ? event.target.closest(".item") : null)

    axis.addEventListener("pointerover", (event) => {
      const item = itemOf(event)
      if (item !== null && pinned === undefined) void show(item)
    })
    axis.addEventListener("focusin", (event) => {
      const item = itemOf(event)
      if (item !== null) void show(item)
    })
    axis.addEventListener("click", (event) => {
      const item = itemOf(event)
      pin(item === null || item === pinned ? undefined : item)
      if (item !== null) void show(item)
    })

    /** @param {Element} item @param {number} step */
    const besideIn = (item, step) => {
      const items = [...axis.querySelectorAll(`.item[data-l="${item.getAttribute("data-l")}"]`)]
      return items[Math.min(items.length - 1, Math.max(0, items.indexOf(item) + step))]
    }
    /** The item of another lane that is nearest to this one. @param {Element} item @param {number} step */
    const across = (item, step) => {
      const { left } = item.getBoundingClientRect()
      const lanes = Number(run.querySelector(".chart")?.getAttribute("data-lanes"))
      for (let lane = Number(item.getAttribute("data-l")) + step; lane >= 0 && lane < lanes; lane += step) {
        const items = [...axis.querySelectorAll(`.item[data-l="${lane}"]`)]
        const distance = (/** @type {Element} */ other) => Math.abs(other.getBoundingClientRect().left - left)
        if (items.length > 0) return items.reduce((one, other) => (distance(other) < distance(one) ? other : one))
      }
      return undefined
    }
    /** @param {string} key @param {Element | null} item */
    const next = (key, item) => {
      if (item === null) return key.startsWith("Arrow") ? (axis.querySelector(".item") ?? undefined) : undefined
      if (key === "ArrowRight") return besideIn(item, 1)
      if (key === "ArrowLeft") return besideIn(item, -1)
      if (key === "Home") return besideIn(item, -Infinity)
      if (key === "End") return besideIn(item, Infinity)
      if (key === "ArrowDown") return across(item, 1)
      return key === "ArrowUp" ? across(item, -1) : undefined
    }
    /** @param {Element} item */
    const focus = (item) => {
      if (!(item instanceof SVGElement)) return
      item.focus({ preventScroll: true })
      item.scrollIntoView({ block: "nearest", inline: "nearest" })
    }
    axis.addEventListener("keydown", (event) => {
      if (event.target instanceof HTMLButtonElement) return
      if (event.key === "Escape") {
        pin(undefined)
        return axis.focus()
      }
      const item = itemOf(event)
      if (item !== null && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault()
        pin(item)
        return void show(item).then(() => facts.focus())
      }
      const found = next(event.key, item)
      if (found !== undefined) focus(found)
      if (found !== undefined || (item !== null && /^(Arrow|Home|End)/.test(event.key))) event.preventDefault()
    })

    facts.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && shown !== undefined) focus(shown)
    })

    /** The phases of a column that are still folded. @param {Element} column @returns {Promise<Array<Folded>>} */
    const foldedIn = async (column) => {
      const known = folds.get(column)
      if (known !== undefined) return known
      const phases = await unpack(packed.folds[column.id] ?? "")
      folds.set(column, phases)
      return phases
    }

    /** @param {Element} column @param {Array<Folded>} phases */
    const refold = (column, phases) => {
      folds.set(column, phases)
      const invocations = phases.filter(([count]) => count > 0)
      if (invocations.length === 0) return column.remove()
      const numbers = [invocations[0], invocations.at(-1)].map(
        (phase) => phase?.[4].replace(/^Invocations? /, "") ?? ""
      )
      const texts = [`×${invocations.length.toLocaleString("en")}`, `Invocations ${numbers.join(" to ")}, still folded`]
      column.querySelectorAll("h4, p").forEach((line, index) => {
        if (texts[index] === undefined) line.remove()
        else line.textContent = texts[index]
      })
    }

    /** Draws invocations of a fold, from this phase of it on. @param {Element} column @param {number} begin @param {number} most */
    const unfold = async (column, begin, most) => {
      const phases = await foldedIn(column)
      let end = begin
      for (let count = 0; end < phases.length && (count < most || phases[end]?.[0] === 0); end++) {
        count += phases[end]?.[0] ?? 0
      }
      const before = phases.slice(0, begin)
      if (before.length > 0) {
        const copy = column.cloneNode(true)
        if (!(copy instanceof Element)) return
        copy.removeAttribute("id")
        column.before(copy)
        refold(copy, before)
      }
      column.insertAdjacentHTML(
        "beforebegin",
        phases
          .slice(begin, end)
          .map(([, , , text]) => text)
          .join("")
      )
      refold(column, phases.slice(end))
    }

    for (const button of axis.querySelectorAll("button.unfold"))
      if (button instanceof HTMLElement) button.hidden = false
    axis.addEventListener("click", async (event) => {
      const column = event.target instanceof HTMLButtonElement ? event.target.closest(".fold") : null
      if (column === null) return
      const before = column.previousElementSibling
      await unfold(column, 0, unfoldedAtOnce)
      // The focus goes on to the first unfolded invocation when the button is gone.
      const item = before?.nextElementSibling?.querySelector(".item")
      if (!column.isConnected && item !== null && item !== undefined) focus(item)
    })

    /** Draws the invocation with this entry and some after it, if it is folded. @param {number} position */
    const reveal = async (position) => {
      for (const column of axis.querySelectorAll(".fold")) {
        const begin = (await foldedIn(column)).findIndex(([, first, end]) => position >= first && position < end)
        if (begin >= 0) return unfold(column, begin, unfoldedByLink)
      }
    }

    /** The column with this entry. @param {number} position */
    const columnOf = (position) =>
      [...axis.querySelectorAll(".column:not(.fold)")].findLast(
        (one) => Number(/p(\d+)$/.exec(one.id)?.[1] ?? Infinity) <= position
      )

    run.addEventListener("click", async (event) => {
      const link = event.target instanceof Element ? event.target.closest("a[data-p]") : null
      if (link === null) return
      event.preventDefault()
      const position = Number(link.getAttribute("data-p"))
      await reveal(position)
      const column = columnOf(position)
      for (const one of axis.querySelectorAll(".column.target")) one.classList.remove("target")
      if (column === undefined) return axis.focus()
      column.classList.add("target")
      column.scrollIntoView({ block: "nearest", inline: "center" })
      const items = [...column.querySelectorAll(`.item[data-e~="${position}"]`)]
      // A mark says more of an entry than the bar that it begins or ends.
      const item = items.find((one) => one.querySelector(".mark") !== null) ?? items[0]
      if (item === undefined) return axis.focus()
      focus(item)
      pin(item)
    })

    const log = run.querySelector("ol.log")
    if (log === null) return
    const lines = [...log.querySelectorAll("li.line")]
    const who = new Set(lines.map((line) => line.getAttribute("data-w") ?? ""))
    const bar = element("p", "", "filter")
    const select = document.createElement("select")
    select.setAttribute("aria-label", "Log lines of")
    for (const name of ["all processes", ...who]) select.append(element("option", name))
    const search = document.createElement("input")
    search.type = "search"
    search.placeholder = "filter"
    search.setAttribute("aria-label", "Log lines with this text")
    const filter = () => {
      const text = search.value.toLowerCase()
      for (const line of lines) {
        if (!(line instanceof HTMLElement)) continue
        const isHidden = select.selectedIndex > 0 && line.dataset.w !== select.value
        line.hidden = isHidden || !(line.textContent ?? "").toLowerCase().includes(text)
      }
    }
    select.addEventListener("change", filter)
    search.addEventListener("input", filter)
    bar.append(select, search)
    log.before(bar)
  }

  for (const run of document.querySelectorAll(".run")) if (run instanceof HTMLElement) start(run)

  // A link to a run that is closed opens it.
  const open = () => {
    const target = document.getElementById(location.hash.slice(1))
    const run = target?.closest("details")
    if (run !== null && run !== undefined) run.open = true
  }
  addEventListener("hashchange", open)
  open()
})()
