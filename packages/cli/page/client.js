// The script of the report page: it shows the facts of a bar or mark, unfolds invocations and filters log lines. The page
// holds all facts without it. Text reaches the document as text only; the one piece of markup, an unfolded column, was
// escaped when the page was written.
"use strict"
;(() => {
  /** @typedef {[ms: number, who: string, what: string, facts: Array<[string, string]>]} Entry */
  /** @typedef {[invocations: number, first: number, end: number, markup: string]} Folded */

  /** @type {Array<{ entries: string, folds: Record<string, string> }>} */
  const data = JSON.parse(document.getElementById("data")?.textContent ?? "[]")

  /** So many invocations are unfolded at once. */
  const unfoldedAtOnce = 50
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
    if (packed === undefined || !(axis instanceof HTMLElement) || !(details instanceof HTMLElement) || facts === null)
      return
    details.hidden = false

    /** @type {Promise<Array<Entry>> | undefined} */
    let entries
    /** @type {Map<string, Array<Folded>>} */
    const folds = new Map()
    /** A click keeps the details of an item until the next click. @type {Element | undefined} */
    let pinned
    /** @type {Element | undefined} */
    let shown

    /** @param {Element} item */
    const show = async (item) => {
      if (shown === item) return
      shown?.classList.remove("shown")
      shown = item
      item.classList.add("shown")
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
      pinned = item === null || item === pinned ? undefined : item
      if (item !== null) void show(item)
    })

    /** @param {Element} item @param {number} step */
    const besideIn = (item, step) => {
      const items = [...axis.querySelectorAll(`.item[data-l="${item.getAttribute("data-l")}"]`)]
      return items[items.indexOf(item) + step]
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
      if (event.key === "Escape") return axis.focus()
      const item = itemOf(event)
      if (item !== null && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault()
        pinned = item === pinned ? undefined : item
        return void show(item)
      }
      const found = next(event.key, item)
      if (found !== undefined) focus(found)
      if (found !== undefined || (item !== null && event.key.startsWith("Arrow"))) event.preventDefault()
    })

    /** Draws invocations of a fold before it, as far as the one with this entry. @param {Element} column @param {number} [position] */
    const unfold = async (column, position) => {
      const packedFold = packed.folds[column.id]
      if (packedFold === undefined) return
      /** @type {Array<Folded>} */
      const phases = folds.get(column.id) ?? (await unpack(packedFold))
      folds.set(column.id, phases)
      // A link to an entry unfolds those around it, and leaves the ones before it folded.
      const found =
        position === undefined ? 0 : phases.findIndex(([, first, end]) => position >= first && position < end)
      let end = Math.max(0, found)
      for (let count = 0; end < phases.length && (count < unfoldedAtOnce || phases[end]?.[0] === 0); end++) {
        count += phases[end]?.[0] ?? 0
      }
      const begin = Math.max(0, found)
      const markup = phases.splice(begin, end - begin).map(([, , , text]) => text)
      const left = phases.reduce((sum, [count]) => sum + count, 0)
      column.insertAdjacentHTML("beforebegin", markup.join(""))
      const head = column.querySelector("h4")
      if (head !== null) head.textContent = `×${left.toLocaleString("en")}`
      const said = column.querySelector("p")
      if (said !== null) said.textContent = "Invocations that are still folded"
      if (left === 0) column.remove()
    }
    for (const button of axis.querySelectorAll("button.unfold")) {
      if (!(button instanceof HTMLElement)) continue
      button.hidden = false
      button.addEventListener("click", () => {
        const column = button.closest(".fold")
        const before = column?.previousElementSibling
        if (column === null) return
        void unfold(column).then(() => {
          // The focus goes on to the first unfolded invocation when the button is gone.
          const item = before?.nextElementSibling?.querySelector(".item")
          if (!column.isConnected && item !== null && item !== undefined) focus(item)
        })
      })
    }

    /** @param {string} position */
    const find = (position) => axis.querySelector(`.item[data-e~="${position}"]`)
    run.addEventListener("click", async (event) => {
      const link = event.target instanceof Element ? event.target.closest("a[data-p]") : null
      const position = link?.getAttribute("data-p") ?? null
      if (link === null || position === null) return
      event.preventDefault()
      const target = document.getElementById((link.getAttribute("href") ?? "#").slice(1))
      const isFolded = target?.classList.contains("fold") === true && find(position) === null
      if (target !== null && isFolded) await unfold(target, Number(position))
      const column = [...axis.querySelectorAll(".column")].findLast(
        (one) => Number(/p(\d+)$/.exec(one.id)?.[1] ?? Infinity) <= Number(position)
      )
      const item = find(position)
      const place = column ?? target
      place?.scrollIntoView({ block: "nearest", inline: "center" })
      for (const one of axis.querySelectorAll(".column.target")) one.classList.remove("target")
      place?.classList.add("target")
      if (item === null) return axis.focus()
      focus(item)
      pinned = item
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
