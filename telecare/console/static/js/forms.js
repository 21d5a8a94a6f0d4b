// @ts-check
// Long forms: a fault leads to its line, the summary of faults is read first, and nobody leaves what was typed by mistake.
import { all } from './dom.js'

const summary = /** @type {HTMLElement | null} */ (document.querySelector('.error-summary'))
summary?.focus()

/** Choose a line of a text and bring it into view. @param {HTMLTextAreaElement} area @param {number} line */
function chooseLine(area, line) {
  const lines = area.value.split('\n')
  const start = lines.slice(0, line - 1).join('\n').length + (line > 1 ? 1 : 0)
  area.focus()
  area.setSelectionRange(start, start + (lines[line - 1] ?? '').length)
  const height = parseFloat(getComputedStyle(area).lineHeight)
  area.scrollTop = Math.max(0, (line - 3) * height)
  area.scrollIntoView({ block: 'nearest' })
}

for (const link of all('a[data-line]')) {
  link.addEventListener('click', (event) => {
    const area = document.getElementById((link.getAttribute('href') ?? '').slice(1))
    if (!(area instanceof HTMLTextAreaElement)) return
    event.preventDefault()
    chooseLine(area, Number(link.dataset.line))
  })
}

let changed = false
document.addEventListener('input', (event) => {
  if (event.target instanceof HTMLTextAreaElement) changed = true
})
document.addEventListener('submit', () => { changed = false })
addEventListener('beforeunload', (event) => { if (changed) event.preventDefault() })
