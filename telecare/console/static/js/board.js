// @ts-check
// The board: rows come and change by themselves, keys and buttons act on them.
import { command } from './api.js'
import { feedIs } from './bell.js'
import { byId, morph } from './dom.js'
import { onKeys } from './keys.js'
import { follow } from './live.js'
import { toggleKeys } from './page.js'
import { fetched } from './picture.js'
import { choose, current, mark, move, recheck, rows, settleAll, take, takeAll, tell, waiting } from './rows.js'
import { arrived, short, tally, waits } from './strip.js'
import { learnNow, writeTimes } from './time.js'

const SETTLE_MS = 300
const GATHER_MS = 100
const RECHECK_MS = 10000
const REFILL_MS = 5000
const handles = 'handles' in document.body.dataset
/** @type {number | undefined} */
let settling
/** @type {number | undefined} */
let showing
let shownAt = 0

/** Give a command on a row, and say in it what came of it. @param {HTMLElement} row @param {string} name @returns {Promise<number>} the status */
async function give(row, name) {
  const reply = await command(row.dataset.id ?? '', name, { as_of: Number(row.dataset.version) })
  tell(row, reply.ok ? '' : reply.body.detail)
  return reply.status
}

/** Claim the gravest alarm that nobody has, and open it. Who loses one to somebody else goes on to the next. */
async function takeNext() {
  settleAll(true)
  for (const row of rows()) {
    if (!waits(row) || row.classList.contains('gone')) continue
    const status = await give(row, 'ack')
    if (status === 200) location.assign(`/alarms/${row.dataset.id}`)
    if (status !== 409) return
  }
}

/** @param {(row: HTMLElement) => void} act @returns {() => void} what does it to the chosen row, if there is one */
const onRow = (act) => () => {
  const row = current()
  if (row) act(row)
}
/** @param {string} field @returns {() => void} what opens the case of the chosen row at a field */
const openAt = (field) => onRow((row) => location.assign(`/alarms/${row.dataset.id}#${field}`))

/** What the keys on the chosen row do; their buttons stand in the bar below. @type {import('./keys.js').Actions} */
const onChosen = {
  c: onRow((row) => give(row, 'ack')),
  r: onRow((row) => give(row, 'renew')),
  h: onRow((row) => give(row, 'hold')),
  n: openAt('note'),
  a: openAt('who'),
  x: openAt('outcome'),
}

/** Show in the bar which row the keys act on, and which of them can. */
function showChosen() {
  const bar = document.getElementById('bar')
  if (!bar) return
  const row = current()
  const words = row ? `${row.dataset.words}, ${row.dataset.name}` : 'J K: choose a row'
  if (byId('chosen').textContent !== words) byId('chosen').textContent = words
  for (const button of bar.querySelectorAll('[data-key]')) {
    const key = button.getAttribute('data-key') ?? ''
    const needs = key === 'c' ? 'free' : 'rha'.includes(key) ? 'mine' : row?.dataset.hold
    ;/** @type {HTMLButtonElement} */ (button).disabled = !row || row.dataset.hold !== needs
  }
}

/** Let rows take their places as far as nobody points or stands there, and bring all else up to date. */
function show() {
  clearTimeout(showing)
  showing = undefined
  shownAt = Date.now()
  settleAll()
  tally()
  showChosen()
}

/** Show what has changed: at once, but of many changes in a row all that come within a moment together. */
function soon() {
  const wait = GATHER_MS - (Date.now() - shownAt)
  if (wait <= 0) show()
  else showing ??= setTimeout(show, wait)
}

/** Show it once nobody points at a row or stands in it any more. */
function later() {
  settling ??= setTimeout(() => {
    settling = undefined
    show()
  }, SETTLE_MS)
}

document.addEventListener('click', (event) => {
  const button = /** @type {HTMLElement} */ (event.target).closest('button')
  const row = /** @type {HTMLElement | null} */ (button?.closest('.alarm') ?? null)
  if (!button) return
  if (button.dataset.key) onChosen[button.dataset.key]?.(/** @type {any} */ (event))
  if (row && button.dataset.action) {
    event.preventDefault()
    give(row, button.dataset.action)
  }
})
document.addEventListener('pointerout', later)
document.addEventListener('focusout', later)
document.addEventListener('focusin', showChosen)
byId('new-rows').addEventListener('click', () => {
  settleAll(true)
  tally()
})
document.getElementById('next-alarm')?.addEventListener('click', (event) => {
  event.preventDefault()
  takeNext()
})

onKeys({
  ...(handles ? { enter: takeNext, ' ': takeNext, ...onChosen } : {}),
  j: () => move(1),
  k: () => move(-1),
  '/': () => document.getElementById('find')?.focus(),
  '?': toggleKeys,
  escape: () => {
    choose(null)
    ;/** @type {HTMLElement} */ (document.activeElement)?.blur()
    settleAll(true)
    tally()
    showChosen()
  },
})

rows().forEach(mark)
const feed = follow(Number(byId('lanes').dataset.seq), {
  onChange: (change) => {
    const isNew = take(change.id, change.kind === 'gone' ? undefined : change.html)
    if (isNew) arrived(waiting.get(change.id)?.dataset.tone === 'fire')
    soon()
  },
  onReload: async () => {
    const fresh = await fetched('/board/lanes', 'lanes')
    learnNow(fresh.dataset.now ?? '')
    takeAll(fresh)
    const covers = fresh.querySelector('#covers')
    if (covers) morph(byId('covers'), covers)
    writeTimes()
    tally()
    return Number(fresh.dataset.seq)
  },
  onState: (alive) => {
    byId('feed-state').textContent = alive ? 'live' : 'FEED LOST'
    byId('feed-state').classList.toggle('lost', !alive)
    feedIs(alive)
  },
})
byId('feed-state').textContent = 'live'
setInterval(recheck, RECHECK_MS)
setInterval(() => { if (short()) feed.reload() }, REFILL_MS)
recheck()
tally()
showChosen()
