// @ts-check
// The line above the board: its figures, the alarm that comes first, and what is told to those who do not see it.
import { entitle } from './alive.js'
import { ringFor } from './bell.js'
import { byId } from './dom.js'
import { fetchedFigures } from './picture.js'
import { alarms, cut, order, waiting } from './rows.js'
import { age, serverNow } from './time.js'

const GRAVITY = ['fire', 'life', 'urgent', 'technical']
const MINUTE_MS = 60000
const ASK_EVERY_MS = 5000
/** What the server counted, while there are more alarms than the page holds. @type {import('./picture.js').Figures | null} */
let counted = null
let loggedIn = Number(byId('logged-in').textContent)
let askedAt = Date.now()
let wasCut = false
let [newOnes, newFires] = [0, 0]

/** @param {string} id @param {string} text */
function write(id, text) {
  const shown = document.getElementById(id)
  if (shown && shown.textContent !== text) shown.textContent = text
}

/** @param {HTMLElement} row @returns {boolean} whether nobody has an alarm and no planned work keeps it quiet */
export const waits = ({ dataset }) => dataset.handling === 'raised' && !(Date.parse(dataset.quiet ?? '') > serverNow())

/** Count what this page holds. @param {HTMLElement[]} held @returns {import('./picture.js').Figures} */
function count(held) {
  const life = held.filter((row) => row.dataset.lane === 'life')
  const free = life.filter(waits)
  const raised = free.map((row) => row.dataset.raised ?? '').sort()
  return {
    life: life.length,
    technical: held.length - life.length,
    waiting: free.length,
    oldest: raised[0] ?? '',
    over: raised.filter((each) => serverNow() - Date.parse(each) > MINUTE_MS).length,
    fires: free.filter((row) => row.dataset.tone === 'fire').length,
    mine: held.filter((row) => row.dataset.hold === 'mine').length,
    tone: GRAVITY.find((tone) => held.some((row) => row.dataset.tone === tone && waits(row))) ?? '',
    loggedIn,
    work: '',
    incidents: '',
  }
}

/** Write the figures, and ring for what nobody has. */
export function tally() {
  const held = alarms()
  const own = count(held)
  if (cut() && !wasCut) ask().then(tally)
  wasCut = cut()
  const shown = whole(own)
  if (shown) showFigures(shown, held.length)
  showFirst(held)
  showNew()
  ringFor(own.tone || counted?.tone || '')
}

/**
 * The figures of the whole board, null while nobody has counted what this page does not hold. It holds the gravest
 * first: as long as there is a technical one among them all others are here, and none of them waits for an answer.
 * @param {import('./picture.js').Figures} own @returns {import('./picture.js').Figures | null}
 */
function whole(own) {
  if (!cut() || !counted) return cut() ? null : own
  return own.technical ? { ...own, technical: counted.technical, mine: counted.mine } : counted
}

/** @param {import('./picture.js').Figures} figures of all open alarms @param {number} held how many of them this page holds */
function showFigures(figures, held) {
  write('waiting', String(figures.waiting))
  write('oldest', figures.oldest ? age(serverNow() - Date.parse(figures.oldest)) : '–')
  write('over', String(figures.over))
  write('mine', String(figures.mine))
  write('logged-in', String(figures.loggedIn))
  write('count-life', String(figures.life))
  write('count-technical', String(figures.technical))
  byId('strip').classList.toggle('late', figures.over > 0)
  entitle(figures.waiting ? `(${figures.waiting})` : '')
  const open = figures.life + figures.technical
  byId('cut').hidden = held >= open
  const words = byId('cut').querySelector('b')
  if (words) words.textContent = `${held} of ${open.toLocaleString('en-GB')} open alarms are shown`
}

/** Show the alarm that comes first, also while it waits to be inserted. @param {HTMLElement[]} held */
function showFirst(held) {
  const [first] = held.filter((row) => row.dataset.lane === 'life' && waits(row)).sort(order)
  const badge = first?.querySelector('.badge')?.textContent?.trim()
  write('top-alarm', first ? `${badge}: ${first.dataset.words}, ${first.dataset.name}, ${first.dataset.place}` : 'Nobody waits')
  byId('top-alarm').className = `top-alarm${first ? ` tone-${first.dataset.tone}` : ''}`
}

/** @returns {boolean} whether this page holds so few of the open alarms that the next ones should be fetched */
export function short() {
  return cut() && alarms().length < 0.9 * Number(byId('lanes').dataset.limit)
}

/** Offer the rows that wait to be shown. */
function showNew() {
  const button = byId('new-rows')
  button.hidden = waiting.size === 0
  const fires = [...waiting.values()].filter((row) => row.dataset.tone === 'fire').length
  write('new-rows', `Show ${waiting.size} new${fires ? `, ${fires} fire` : ''}`)
}

/** Count a new alarm for those who listen. @param {boolean} isFire */
export function arrived(isFire) {
  newOnes += 1
  if (isFire) newFires += 1
}

/** Tell what has come, at most each two seconds; ask the server for what only it knows. */
async function announce() {
  if (newOnes) byId('announce').textContent = `${newOnes} new${newFires ? `, ${newFires} fire` : ''}`
  newOnes = 0
  newFires = 0
  tally()
  if (Date.now() - askedAt < (cut() ? ASK_EVERY_MS : 3 * ASK_EVERY_MS)) return
  await ask()
}

/** Ask the server for the figures of the whole board; who cannot be asked changes nothing. */
async function ask() {
  askedAt = Date.now()
  const figures = await fetchedFigures().catch(() => null)
  if (!figures) return
  loggedIn = figures.loggedIn
  write('work-words', figures.work)
  byId('work-sign').hidden = !figures.work
  write('incident-words', figures.incidents)
  byId('incident-sign').hidden = !figures.incidents
  if (figures.life + figures.technical <= alarms().length) delete byId('lanes').dataset.cut
  counted = cut() ? figures : null
}

setInterval(announce, 2000)
