// @ts-check
// The engineer's day: what is entered goes through the queue of this phone, the visits tick themselves, and the page is
// kept for the next dead spot.
import { post } from './api.js'
import { keep, register } from './day-keep.js'
import { Queue } from './day-queue.js'
import { decide, overlay, stateOf, waits } from './day-show.js'
import { all, byId, morph } from './dom.js'
import { fetched } from './picture.js'

const LOOK_MS = 2000
/** Visits that are closed on the page, or whose hub is not heard yet, are looked at less often. */
const SELDOM = 10
const PATIENCE_MS = 10_000
const LIVE = new Set(['on_site', 'installed', 'peripherals_paired', 'e2e_tested', 'soak'])

const banner = byId('day-state')
const queue = new Queue(`day:${document.body.dataset.user}`, (entry) => post(entry.path, entry.body, true, entry.key, PATIENCE_MS))
let signal = navigator.onLine
let loggedOut = false
let sent = 0
let round = 0

/** Say how it stands with what was entered here. */
function tell() {
  const entries = queue.entries
  const troubles = entries.filter((entry) => entry.trouble).length
  const waiting = entries.length - troubles
  const count = `${waiting} ${waiting === 1 ? 'entry waits' : 'entries wait'}`
  const parts = []
  if (loggedOut) parts.push(`You are logged out${waiting ? `, and ${count} on this phone` : ''}.`)
  else if (!signal) parts.push(waiting ? `No signal: ${count} on this phone, and will be sent.` : 'No signal: what you enter is kept on this phone.')
  else if (waiting) parts.push(`Sending: ${count}.`)
  else if (sent && !troubles) parts.push('All sent.')
  if (troubles) parts.push(`${troubles} ${troubles === 1 ? 'entry needs' : 'entries need'} you.`)
  const words = parts.join(' ')
  const said = /** @type {HTMLElement} */ (banner.querySelector('[role=status]'))
  if (said.textContent !== words) said.textContent = words
  banner.hidden = !words
  banner.dataset.tone = troubles || loggedOut ? 'bad' : !signal || waiting ? 'warn' : 'good'
  byId('day-login').hidden = !loggedOut
  const first = entries.find((entry) => entry.trouble)
  const link = byId('day-trouble')
  link.hidden = !first
  if (first) link.setAttribute('href', `#visit-${first.visit}`)
}

/** Show on each visit what this phone knows beyond the server. */
function show() {
  for (const stop of all('[data-visit]')) {
    const entries = queue.of(stop.dataset.visit ?? '')
    overlay(stop, entries)
    waits(stop, entries)
  }
  tell()
}

/** Fetch a visit as it is now. @param {HTMLElement} stop @returns {Promise<boolean>} whether there was signal */
async function look(stop) {
  const address = stop.dataset.address ?? ''
  try {
    const fresh = await fetched(address, stop.id, PATIENCE_MS)
    overlay(fresh, queue.of(stop.dataset.visit ?? ''))
    morph(stop, fresh)
    loggedOut = false
    return true
  } catch (error) {
    const answer = error instanceof TypeError ? error.message : ''
    loggedOut ||= answer === 'no picture: 200'
    return /^no (such )?picture/.test(answer)
  }
}

/** Send what waits; each visit that it was about is shown as it is then, and the page is kept so. */
async function flush() {
  let some = false
  const stop = await queue.flush(async (entry, reply) => {
    some = true
    signal = true
    if (reply.ok) sent += 1
    const element = document.getElementById(`visit-${entry.visit}`)
    // What is entered next is entered on this version, also before the visit has been fetched.
    if (element && reply.ok && entry.asOf !== null) Object.assign(element.dataset, { version: reply.body.version, state: reply.body.state })
    show()
    if (element && !reply.ok) element.setAttribute('open', '')
    if (element) await look(element)
    show()
  })
  if (stop === 'no signal') signal = false
  loggedOut = stop === 'logged out'
  show()
  if (some) await keep().catch(() => undefined)
}

/** Look again and again; the first answer after a dead spot sends what waits. */
async function watch() {
  round += 1
  const stops = all('[data-visit]')
  const chosen = stops.filter((stop) => round % SELDOM === 0 || (stop.hasAttribute('open') && LIVE.has(stateOf(stop, queue.of(stop.dataset.visit ?? '')))))
  const asked = !signal && !chosen.length ? stops.slice(0, 1) : chosen
  if (!document.hidden) {
    for (const stop of asked) {
      signal = await look(stop)
      if (!signal) break
    }
    tell()
    if (signal && queue.entries.some((entry) => !entry.trouble)) await flush()
  }
  setTimeout(watch, LOOK_MS)
}

/** @param {HTMLFormElement} form @param {HTMLElement | null} by @returns {{body: Record<string, any>, words: string}} */
function read(form, by) {
  /** @type {Record<string, any>} */
  const body = {}
  for (const [name, value] of new FormData(form)) {
    const text = String(value).trim()
    if (!text || ['csrf_token', 'as_of', 'on'].includes(name)) continue
    const [outer, inner] = name.split(/\.(.*)/)
    if (inner) body[outer] = { ...body[outer], [inner]: text }
    else body[name] = text
  }
  const chosen = form.querySelector('input[type=radio]:checked')?.closest('label')?.textContent?.trim()
  const what = chosen ?? form.dataset.words ?? by?.textContent?.trim() ?? ''
  const more = [body.why ?? body.text, body.next_contact_on && `again on ${body.next_contact_on}`].filter(Boolean)
  return { body, words: more.length ? `${what}: ${more.join(', ')}` : what }
}

document.addEventListener('submit', (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target)
  const stop = /** @type {HTMLElement | null} */ (form.closest('[data-visit]'))
  if (!form.dataset.path || !stop) return
  event.preventDefault()
  const { body, words } = read(form, event.submitter)
  const asOf = form.elements.namedItem('as_of') ? Number(stop.dataset.version) : null
  const before = queue.of(stop.dataset.visit ?? '').filter((entry) => entry.asOf !== null && !entry.trouble)
  queue.add({ visit: stop.dataset.visit ?? '', path: form.dataset.path, body, words, asOf: asOf && (before[0]?.asOf ?? asOf) })
  form.reset()
  form.closest('details:not([data-visit])')?.removeAttribute('open')
  show()
  const next = /** @type {HTMLElement | null} */ (stop.querySelector('.stop-next:not([hidden]) button') ?? stop.querySelector('summary'))
  next?.focus({ preventScroll: true })
  void flush()
})

document.addEventListener('click', (event) => {
  const button = /** @type {HTMLElement} */ (event.target).closest('button[data-decide]')
  if (!(button instanceof HTMLElement)) return
  decide(queue, button)
  show()
  void flush()
})
addEventListener('online', () => void flush())
addEventListener('offline', () => { signal = false; tell() })
addEventListener('storage', () => show())

byId('day-trouble').addEventListener('click', (event) => {
  const found = document.getElementById((event.currentTarget instanceof HTMLAnchorElement ? event.currentTarget.hash : '').slice(1))
  found?.setAttribute('open', '')
})

for (const entry of queue.entries) document.getElementById(`visit-${entry.visit}`)?.setAttribute('open', '')
show()
void register().then(keep).catch(() => undefined)
void flush()
setTimeout(watch, LOOK_MS)
