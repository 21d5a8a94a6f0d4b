// @ts-check
// The board: rows come and change by themselves, never under the pointer or the focus.
import { command } from './api.js'
import { onKeys } from './keys.js'
import { follow } from './live.js'
import { Sound } from './sound.js'
import { age, learnNow, serverNow, writeTimes } from './time.js'

const GRAVITY = ['fire', 'life', 'urgent', 'technical']
const me = document.body.dataset.user ?? ''
const sound = new Sound()
/** New rows that wait until nobody points at the board. @type {Map<string, HTMLElement>} */
const waiting = new Map()
let announced = 0

/** @param {string} id @returns {HTMLElement} */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id))
/** @returns {HTMLElement[]} */
const rows = () => [...document.querySelectorAll('#lanes .alarm')].map((row) => /** @type {HTMLElement} */ (row))

/** @param {string} html @returns {HTMLElement} */
function rowOf(html) {
  const template = document.createElement('template')
  template.innerHTML = html.trim()
  const row = /** @type {HTMLElement} */ (template.content.firstElementChild)
  mark(row)
  return row
}

/** Mark what is mine; the server renders rows for everybody alike. @param {HTMLElement} row */
function mark(row) {
  row.dataset.mine = String(row.dataset.holder === me && me !== '')
}

/** The board's order. @param {HTMLElement} row @returns {[number, string, string]} */
const key = (row) => [Number(row.dataset.rank), row.dataset.raised ?? '', row.dataset.id ?? '']

/** @param {HTMLElement} a @param {HTMLElement} b @returns {boolean} whether a stands above b */
function above(a, b) {
  const [one, other] = [key(a), key(b)]
  for (let at = 0; at < one.length; at += 1) if (one[at] !== other[at]) return one[at] < other[at]
  return false
}

/** Put a row at its place in its lane. @param {HTMLElement} row */
function place(row) {
  const lane = byId(`lane-${row.dataset.lane}`)
  const next = [...lane.children].find((other) => above(row, /** @type {HTMLElement} */ (other)))
  lane.insertBefore(row, next ?? null)
}

/** @returns {boolean} whether somebody points at or stands in the lanes */
const busy = () => Boolean(document.querySelector('#lanes .alarms:hover, #lanes .alarms :focus, .alarm.selected'))

/** Show the rows that waited. */
function showWaiting() {
  for (const row of waiting.values()) {
    row.classList.add('fresh')
    place(row)
  }
  waiting.clear()
  for (const row of rows()) if (row.classList.contains('gone')) row.remove()
  tally()
}

/** Take a change of the feed. @param {import('./live.js').Change} change */
function onChange(change) {
  const present = document.getElementById(`alarm-${change.id}`)
  if (change.kind === 'gone' || !change.html) {
    waiting.delete(change.id)
    if (present && present.matches(':hover, :focus-within, .selected')) present.classList.add('gone')
    else present?.remove()
  } else if (present) {
    replace(present, rowOf(change.html))
  } else {
    const row = rowOf(change.html)
    announced += 1
    waiting.set(change.id, row)
    if (!busy()) showWaiting()
  }
  tally()
}

/** Put a changed row in the place of the old one, with focus and selection kept. @param {HTMLElement} old @param {HTMLElement} fresh */
function replace(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null
  const action = focused?.getAttribute('data-action') ?? ''
  const told = old.querySelector('.told')?.textContent ?? ''
  if (old.classList.contains('selected')) fresh.classList.add('selected')
  const still = busy() || key(old).join() === key(fresh).join()
  const message = fresh.querySelector('.told')
  if (message && fresh.dataset.mine !== 'true') message.textContent = told
  old.replaceWith(fresh)
  if (!still) place(fresh)
  if (focused) {
    const again = fresh.querySelector(`[data-action="${action}"]`) ?? fresh.querySelector('.words')
    ;/** @type {HTMLElement} */ (again).focus({ preventScroll: true })
  }
}

/** Write the figures above the board, and ring for what nobody has. */
function tally() {
  const all = [...rows().filter((row) => !row.classList.contains('gone')), ...waiting.values()]
  const free = all.filter((row) => row.dataset.lane === 'life' && row.dataset.handling === 'raised')
  const ages = free.map((row) => serverNow() - Date.parse(row.dataset.raised ?? ''))
  byId('waiting').textContent = String(free.length)
  byId('oldest').textContent = ages.length ? age(Math.max(...ages)) : '–'
  byId('over').textContent = String(ages.filter((ms) => ms > 60000).length)
  byId('mine').textContent = String(all.filter((row) => row.dataset.mine === 'true').length)
  for (const lane of ['life', 'technical']) {
    const count = rows().filter((row) => row.dataset.lane === lane).length
    byId(`count-${lane}`).textContent = String(count)
    const empty = byId(`lane-${lane}`).nextElementSibling
    if (empty) /** @type {HTMLElement} */ (empty).hidden = count > 0
  }
  const fires = free.filter((row) => row.dataset.tone === 'fire')
  const top = byId('top-alarm')
  top.hidden = fires.length === 0
  if (fires.length) top.textContent = `▲ ${fires.length === 1 ? 'A fire alarm waits' : `${fires.length} fire alarms wait`}: press Enter to take it`
  const button = byId('new-rows')
  button.hidden = waiting.size === 0
  button.textContent = `Show ${waiting.size} new`
  const gravest = GRAVITY.find((tone) => all.some((row) => row.dataset.tone === tone && row.dataset.handling === 'raised'))
  sound.ring(gravest ?? '')
  byId('sound-banner').hidden = !sound.blocked || !gravest
  byId('sound').textContent = sound.off ? 'Sound is off for 10 min' : 'Sound on'
  byId('sound').setAttribute('aria-pressed', String(!sound.off))
}

/** Fetch the picture anew, with focus and selection kept. */
async function reload() {
  const reply = await fetch('/board/lanes')
  if (!reply.ok || reply.redirected) return
  const template = document.createElement('template')
  template.innerHTML = await reply.text()
  const fresh = /** @type {HTMLElement} */ (template.content.getElementById('lanes'))
  const focused = document.activeElement?.closest('.alarm')?.id
  const selected = document.querySelector('.alarm.selected')?.id
  learnNow(fresh.dataset.now ?? '')
  byId('lanes').replaceWith(fresh)
  waiting.clear()
  rows().forEach(mark)
  if (selected) document.getElementById(selected)?.classList.add('selected')
  if (focused) /** @type {HTMLElement | null} */ (document.querySelector(`#${CSS.escape(focused)} .words`))?.focus()
  feed.restart(Number(fresh.dataset.seq))
  writeTimes()
  tally()
}

/** Give a command on a row, and say in it what came of it. @param {HTMLElement} row @param {string} name */
async function give(row, name) {
  const id = row.dataset.id ?? ''
  const reply = await command(id, name, { as_of: Number(row.dataset.version) })
  const now = document.getElementById(row.id) ?? row
  const told = now.querySelector('.told')
  if (told) told.textContent = reply.ok ? '' : reply.body.detail
  return reply.ok
}

/** @returns {HTMLElement | null} the row that keys act on */
const current = () => /** @type {HTMLElement | null} */ (document.querySelector('.alarm.selected') ?? document.activeElement?.closest('.alarm') ?? null)

/** Select another row. @param {number} step */
function move(step) {
  const all = rows()
  const at = all.indexOf(/** @type {HTMLElement} */ (current()))
  const next = all[Math.min(all.length - 1, Math.max(0, at + step))]
  document.querySelector('.alarm.selected')?.classList.remove('selected')
  next?.classList.add('selected')
  ;/** @type {HTMLElement | null} */ (next?.querySelector('.words'))?.focus()
  next?.scrollIntoView({ block: 'nearest' })
}

/** Claim the gravest alarm that nobody has, and open it. */
async function takeNext() {
  showWaiting()
  const next = rows().find((row) => row.dataset.handling === 'raised' && !row.classList.contains('gone'))
  if (next && await give(next, 'ack')) location.assign(`/alarms/${next.dataset.id}`)
}

/** Open the case of the present row, at one of its fields. @param {string} field */
function openAt(field) {
  const row = current()
  if (row) location.assign(`/alarms/${row.dataset.id}#${field}`)
}

document.addEventListener('click', (event) => {
  const button = /** @type {HTMLElement} */ (event.target).closest('[data-action]')
  const row = /** @type {HTMLElement | null} */ (button?.closest('.alarm') ?? null)
  if (button && row) give(row, button.getAttribute('data-action') ?? '')
})
document.addEventListener('pointerout', () => setTimeout(() => { if (waiting.size && !busy()) showWaiting() }, 300))
document.addEventListener('focusout', () => setTimeout(() => { if (waiting.size && !busy()) showWaiting() }, 300))
byId('new-rows').addEventListener('click', showWaiting)
byId('next-alarm').addEventListener('click', takeNext)
byId('allow-sound').addEventListener('click', () => sound.allow().then(tally))
byId('sound').addEventListener('click', () => { sound.toggle(); if (!sound.off) sound.allow(); tally() })
byId('show-keys').addEventListener('click', () => /** @type {HTMLDialogElement} */ (byId('keys')).showModal())

onKeys({
  enter: takeNext, ' ': takeNext, j: () => move(1), k: () => move(-1),
  c: () => { const row = current(); if (row) give(row, 'ack') },
  r: () => { const row = current(); if (row) give(row, 'renew') },
  h: () => { const row = current(); if (row) give(row, 'hold') },
  n: () => openAt('note'), a: () => openAt('who'), x: () => openAt('outcome'),
  '/': () => byId('find').focus(), '?': () => /** @type {HTMLDialogElement} */ (byId('keys')).showModal(),
  escape: () => { document.querySelector('.alarm.selected')?.classList.remove('selected'); /** @type {HTMLElement} */ (document.activeElement)?.blur(); showWaiting() },
})

rows().forEach(mark)
const feed = follow(Number(byId('lanes').dataset.seq), {
  onChange,
  onReload: reload,
  onState: (alive) => { byId('feed-state').textContent = alive ? 'feed live' : 'FEED LOST'; if (!alive && !sound.blocked) sound.play('fire') },
})
byId('feed-state').textContent = 'feed live'
setInterval(() => {
  tally()
  if (announced) byId('announce').textContent = `${announced} new${document.querySelector('.alarm.tone-fire.is-raised') ? ', a fire alarm waits' : ''}`
  announced = 0
}, 2000)
tally()
