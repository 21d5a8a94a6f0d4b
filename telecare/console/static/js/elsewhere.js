// @ts-check
// On pages that do not show the board: what waits there, live, and its sound.
import { entitle } from './alive.js'
import { feedIs, ringFor } from './bell.js'
import { byId } from './dom.js'
import { follow } from './live.js'
import { fetchedFigures } from './picture.js'
import { age, serverNow } from './time.js'

const GATHER_MS = 300
const ASK_EVERY_MS = 15000
/** @type {import('./picture.js').Figures | null} */
let figures = null
/** @type {number | undefined} */
let asking

/** Write what waits. */
function show() {
  if (!figures) return
  const { waiting, fires, oldest, tone } = figures
  const link = byId('waiting-now')
  const since = oldest ? `, oldest ${age(serverNow() - Date.parse(oldest))}` : ''
  const words = waiting ? `${fires ? `▲ ${fires} FIRE · ` : ''}${waiting} waiting${since}` : 'Nobody waits'
  if (link.textContent !== words) link.textContent = words
  link.hidden = false
  link.className = `waiting${tone && tone !== 'technical' ? ` tone-${tone}` : ''}`
  entitle(waiting ? `(${waiting})` : '')
  ringFor(tone)
}

/** Ask for the figures, many changes at once. */
function ask() {
  asking ??= setTimeout(async () => {
    asking = undefined
    figures = await fetchedFigures().catch(() => figures)
    show()
  }, GATHER_MS)
}

/**
 * Follow the board from another page.
 * @param {number | null} seq the number of what the page shows of it, if it shows anything
 * @param {(change: import('./live.js').Change) => void} [onChange]
 * @param {(seq: number) => Promise<number>} [onReload]
 */
export function followElsewhere(seq, onChange = () => {}, onReload = async (least) => least) {
  follow(seq, {
    onChange: (change) => {
      ask()
      onChange(change)
    },
    onReload: async (least) => {
      ask()
      return onReload(least)
    },
    onState: feedIs,
  })
  setInterval(show, 1000)
  setInterval(ask, ASK_EVERY_MS)
  ask()
}

if (document.body.dataset.page === 'plain') followElsewhere(null)
