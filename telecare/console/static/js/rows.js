// @ts-check
// The rows of the board: their order, and how they change without ever moving under the pointer or the focus.
import { all, arrange, byId, morph, parsed } from './dom.js'
import { entries } from './flood.js'
import { writeTimes } from './time.js'

const me = document.body.dataset.user ?? ''
const LANES = ['life', 'technical']
/** New rows that wait until nobody points at their lane. @type {Map<string, HTMLElement>} */
export const waiting = new Map()
/** Lanes in which something has yet to move. @type {Set<string>} */
const unsettled = new Set()

/** @returns {HTMLElement[]} the rows in their places */
export const rows = () => all('#lanes .alarm')
/** @returns {HTMLElement[]} all alarms, those that wait to be shown too, less those that are gone */
export const alarms = () => [...rows().filter((row) => !row.classList.contains('gone')), ...waiting.values()]

/** Mark whose a row is; the server renders rows for everybody alike. @param {HTMLElement} row */
export function mark(row) {
  const { holder } = row.dataset
  row.dataset.hold = holder ? (holder === me ? 'mine' : 'others') : 'free'
}

/** @param {string} html @returns {HTMLElement} */
function rowOf(html) {
  const row = /** @type {HTMLElement} */ (parsed(html.trim()).firstElementChild)
  mark(row)
  return row
}

/** The board's order: fire first, then class, then age. @param {HTMLElement} a @param {HTMLElement} b @returns {number} */
export function order(a, b) {
  const rank = Number(a.dataset.rank) - Number(b.dataset.rank)
  if (rank) return rank
  const [one, other] = [[a.dataset.raised ?? '', a.dataset.id ?? ''], [b.dataset.raised ?? '', b.dataset.id ?? '']]
  if (one[0] !== other[0]) return one[0] < other[0] ? -1 : 1
  return one[1] < other[1] ? -1 : 1
}

/** @returns {boolean} whether the lanes stand one above the other, so that one pushes the other */
const stacked = () => document.querySelector('#lanes .lane')?.clientWidth === byId('lanes').clientWidth

/** @param {string} lane @returns {boolean} whether somebody points at a lane or stands in it */
function busy(lane) {
  const within = stacked() ? '#lanes .alarms' : `#lane-${lane}`
  const pointed = matchMedia('(hover: hover)').matches && document.querySelector(`${within}:hover`)
  return Boolean(pointed || document.querySelector(`${within} :focus, ${within} .selected`))
}

/** Put every row of a lane at its place; what is gone goes. @param {string} lane */
function settle(lane) {
  const list = byId(`lane-${lane}`)
  const fresh = [...waiting.values()].filter((row) => row.dataset.lane === lane)
  for (const row of fresh) {
    waiting.delete(row.dataset.id ?? '')
    row.classList.add('fresh')
  }
  const present = all('.alarm', list).filter((row) => !row.classList.contains('gone'))
  const sorted = [...present, ...fresh].sort(order)
  arrange(list, lane === 'technical' ? entries(sorted) : sorted)
  unsettled.delete(lane)
}

/** Let the lanes settle in which nobody points or stands; all of them when it is asked for. @param {boolean} [asked] */
export function settleAll(asked = false) {
  for (const lane of LANES) if (unsettled.has(lane) && (asked || !busy(lane))) settle(lane)
}

/** Whether there are alarms that this page does not hold: it holds the first of all, and no more than it was made for. @returns {boolean} */
export const cut = () => 'cut' in byId('lanes').dataset

/** Whether an alarm that has come belongs on this page; on a full one the last makes room. @param {HTMLElement} fresh @returns {boolean} */
function fits(fresh) {
  const held = alarms()
  const { dataset } = byId('lanes')
  const full = held.length >= Number(dataset.limit)
  if (!held.length || (!full && !cut())) return true
  dataset.cut = ''
  const last = held.reduce((one, other) => (order(one, other) < 0 ? other : one))
  if (order(last, fresh) < 0) return false
  if (full) take(last.dataset.id ?? '', undefined)
  return true
}

/** Take one alarm as it is now. @param {string} id @param {string | undefined} html nothing when it has left the board @returns {boolean} whether it is new */
export function take(id, html) {
  const present = document.getElementById(`alarm-${id}`)
  const lane = (present ?? waiting.get(id))?.dataset.lane
  if (!html) {
    waiting.delete(id)
    present?.classList.add('gone')
    if (lane) unsettled.add(lane)
    return false
  }
  const fresh = rowOf(html)
  const known = waiting.has(id)
  if (!present && !known && !fits(fresh)) return false
  unsettled.add(fresh.dataset.lane ?? '')
  if (!present) {
    waiting.set(id, fresh)
    return !known
  }
  const { classList } = present
  const selected = classList.contains('selected')
  morph(present, fresh)
  classList.toggle('selected', selected)
  mark(present)
  if (present.dataset.hold !== 'others') tell(present, '')
  writeTimes(present)
  return false
}

/** Take a whole fresh picture: what is not in it has left the board. @param {HTMLElement} fresh the lanes */
export function takeAll(fresh) {
  const now = all('.alarm', fresh)
  const kept = new Set(now.map((row) => row.dataset.id ?? ''))
  // What has left goes first: on a full page it would take the place of what has come.
  for (const { dataset } of alarms()) if (!kept.has(dataset.id ?? '')) take(dataset.id ?? '', undefined)
  delete byId('lanes').dataset.cut
  for (const row of now) take(row.dataset.id ?? '', row.outerHTML)
  byId('lanes').toggleAttribute('data-cut', 'cut' in fresh.dataset)
  settleAll()
}

/** Say in a row what came of a command. @param {HTMLElement} row @param {string} words */
export function tell(row, words) {
  const told = row.querySelector('.told')
  if (told) told.textContent = words
}

/** @returns {HTMLElement | null} the row that keys act on */
export const current = () => document.querySelector('.alarm.selected') ?? document.activeElement?.closest('.alarm') ?? null

/** Choose a row, or none. @param {HTMLElement | null} row */
export function choose(row) {
  document.querySelector('.alarm.selected')?.classList.remove('selected')
  row?.classList.add('selected')
  ;/** @type {HTMLElement | null} */ (row?.querySelector('.words'))?.focus({ preventScroll: true })
  row?.scrollIntoView({ block: 'nearest' })
}

/** Choose another row. @param {number} step */
export function move(step) {
  const shown = rows().filter((row) => row.offsetParent !== null)
  const at = shown.indexOf(/** @type {HTMLElement} */ (current()))
  choose(shown[Math.min(shown.length - 1, Math.max(0, at + step))] ?? null)
}

/** Look again at what stands where, as time passes: a flood ends by itself. */
export function recheck() {
  for (const lane of LANES) unsettled.add(lane)
  settleAll()
}
